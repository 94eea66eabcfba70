"""Multi-task training: entities as classes and as free text, with one image tower."""

from torch import Tensor

from components.pretrain.recipes import Features, Recipe
from components.pretrain.recipes.contrastive import Contrastive, contrastive_loss
from components.pretrain.recipes.supervised import Supervised, supervised_loss


class Multitask(Recipe):
    """Both losses: `lambda * supervised + (1 - lambda) * contrastive`."""

    uses_texts = True
    uses_classes = True
    knobs = Supervised.knobs | Contrastive.knobs | {"supervised_share"}

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Both losses, weighted."""
        weight = self.parameters.supervised_share
        return {
            "supervised": weight * supervised_loss(features, self.parameters),
            "contrastive": (1 - weight) * contrastive_loss(features),
        }
