"""Entities as classes."""

import torch
from torch import Tensor

from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes import Features, Recipe
from components.pretrain.step import collectives
from components.pretrain.step.losses import large_margin_softmax


class Supervised(Recipe):
    """Entities are classes."""

    uses_classes = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Large-margin softmax over sampled classes."""
        return {"supervised": supervised_loss(features, self.parameters)}


def supervised_loss(features: Features, parameters: PretrainParameters) -> Tensor:
    """MOFI.md, Losses, supervised: every worker's pictures against the part of the classes that
    this one holds.

    The mean loss of this worker's own pictures, float [].
    """
    entities = features.all_entities
    assert features.rows is not None and features.target is not None and entities is not None
    target = collectives.gather(features.target)
    losses = large_margin_softmax(
        features.all_images @ torch.nn.functional.normalize(features.rows.weight, dim=1).T,
        features.rows.columns(target),
        features.rows.columns(entities).masked_fill(entities == target[:, None], -1),
        margin=parameters.margin,
        scale=parameters.scale,
    )
    return collectives.own(losses).mean()
