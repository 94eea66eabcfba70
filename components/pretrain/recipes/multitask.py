"""Entities as classes and as free text, on one shared image tower."""

from torch import Tensor

from components.pretrain.recipes import Features, Recipe
from components.pretrain.recipes.contrastive import contrastive_loss
from components.pretrain.recipes.supervised import supervised_loss


class Multitask(Recipe):
    """Both, on one shared image tower: `lambda * supervised + (1 - lambda) * contrastive`."""

    uses_texts = True
    uses_classes = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Both losses, weighted."""
        share = self.parameters.supervised_share
        return {
            "supervised": share * supervised_loss(features, self.parameters),
            "contrastive": (1 - share) * contrastive_loss(features),
        }
