"""Multi-task training: entities as classes and as free text, with one image tower."""

from torch import Tensor

from components.pretrain.recipes.contrastive import contrastive_loss
from components.pretrain.recipes.recipe import Features, Recipe
from components.pretrain.recipes.supervised import supervised_loss


class Multitask(Recipe):
    """Both losses: `lambda * supervised + (1 - lambda) * contrastive`."""

    name = "multitask"
    uses_texts = True
    uses_classes = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Both losses, weighted."""
        weight = self.parameters.supervised_share
        return {
            "supervised": weight * supervised_loss(features, self.parameters),
            "contrastive": (1 - weight) * contrastive_loss(features),
        }
