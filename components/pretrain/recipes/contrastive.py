"""Entities as free text."""

import torch
from torch import Tensor

from components.pretrain.recipes import Features, Recipe
from components.pretrain.step import collectives
from components.pretrain.step.losses import info_nce, share_entity


class Contrastive(Recipe):
    """Entities are free text."""

    uses_texts = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Symmetric InfoNCE; pictures of one entity do not repel each other's texts."""
        return {"contrastive": contrastive_loss(features)}


def contrastive_loss(features: Features) -> Tensor:
    """MOFI.md, Losses, contrastive: float [], this worker's pictures and texts against those of all
    workers.

    The mean of all workers' losses, and of their gradients, is that of the whole batch on one
    worker.
    """
    assert features.texts is not None and features.logit_scale is not None
    images, texts = features.images, features.texts
    rank, _ = collectives.world()
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
