"""Contrastive training on entities as free text."""

import torch
from torch import Tensor

from components.pretrain.recipes import Features, Recipe
from components.pretrain.step import collectives
from components.pretrain.step.losses import info_nce, share_entity


class Contrastive(Recipe):
    """Entities as free text."""

    uses_texts = True
    knobs = frozenset({"max_logit_scale", "text"})

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Symmetric InfoNCE; pictures of one entity are not each other's negatives."""
        return {"contrastive": contrastive_loss(features)}


def contrastive_loss(features: Features) -> Tensor:
    """The contrastive loss (arXiv 2306.07952) of this worker's pairs against all workers'.

    The mean over workers, and of their gradients, equals that of the whole batch on one worker.

    Returns:
        float [].
    """
    assert features.texts is not None and features.logit_scale is not None
    images, texts = features.images, features.texts
    rank = collectives.rank()
    target = torch.arange(len(images), device=images.device) + rank * len(images)
    same = None
    if features.entities is not None and features.all_entities is not None:
        same = share_entity(features.entities, features.all_entities)
    return info_nce(
        features.logit_scale * images @ collectives.gather_with_gradient(texts).T,
        features.logit_scale * texts @ features.all_images.T,
        target,
        same,
    )
