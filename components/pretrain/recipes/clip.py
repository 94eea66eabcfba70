"""CLIP: pictures and their original alt texts."""

from torch import Tensor

from components.pretrain.recipes.contrastive import contrastive_loss
from components.pretrain.recipes.recipe import Features, Recipe


class Clip(Recipe):
    """The baseline: pictures and their original alt texts."""

    name = "clip"
    uses_texts = True
    uses_labels = False

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Symmetric InfoNCE; entities are unknown, so every other text is a negative."""
        return {"contrastive": contrastive_loss(features)}
