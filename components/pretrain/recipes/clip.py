"""CLIP: pictures and their original alt texts."""

from torch import Tensor

from components.pretrain.recipes import Features, Recipe
from components.pretrain.recipes.contrastive import contrastive_loss


class Clip(Recipe):
    """The baseline: pictures and their original alt texts."""

    uses_texts = True
    uses_labels = False
    knobs = frozenset({"max_logit_scale"})

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Symmetric InfoNCE; entities are unknown, so every other text is a negative."""
        return {"contrastive": contrastive_loss(features)}
