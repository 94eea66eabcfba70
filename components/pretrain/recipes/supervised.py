"""Supervised training on entities as classes."""

import torch
from torch import Tensor

from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes import Features, Recipe
from components.pretrain.step import collectives
from components.pretrain.step.losses import large_margin_softmax


class Supervised(Recipe):
    """Entities as classes."""

    uses_classes = True
    knobs = frozenset({"head_device", "head_learning_rate", "margin", "negatives", "scale"})

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Large-margin softmax over sampled classes."""
        return {"supervised": supervised_loss(features, self.parameters)}


def supervised_loss(features: Features, parameters: PretrainParameters) -> Tensor:
    """The supervised loss (arXiv 2306.07952): all pictures against this worker's classes.

    Returns:
        float [], the mean loss of this worker's own pictures.
    """
    entities = features.all_entities
    assert features.sampled is not None and features.target is not None and entities is not None
    target = collectives.gather(features.target)
    losses = large_margin_softmax(
        features.all_images @ torch.nn.functional.normalize(features.sampled.weight, dim=1).T,
        features.sampled.column_of(target),
        features.sampled.column_of(entities).masked_fill(entities == target[:, None], -1),
        margin=parameters.margin,
        scale=parameters.scale,
    )
    return collectives.local_part(losses).mean()
