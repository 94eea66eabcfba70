"""The four recipes. Each couples the towers (and the class table) to named losses whose sum is what is trained."""

from dataclasses import dataclass

import torch
from torch import Tensor

from components.errors import ParameterError
from components.pretrain import parallel
from components.pretrain.head import SampledRows
from components.pretrain.losses import info_nce, large_margin_softmax, share_entity
from components.pretrain.parameters import PretrainParameters


@dataclass(frozen=True)
class Features:
    """What one worker's forward pass gives. Embeddings are L2-normalised, float [b, d].

    `target` int64 [b] is the entity drawn for each picture, `entities` int64 [b, k] all of its entities padded with -1;
    both are class indices. A recipe without labels has neither, one without texts has no `texts`.
    """

    images: Tensor
    texts: Tensor | None = None
    logit_scale: Tensor | None = None
    rows: SampledRows | None = None
    target: Tensor | None = None
    entities: Tensor | None = None


class Recipe:
    """What a recipe needs, and its losses."""

    name: str
    uses_texts = False
    uses_classes = False
    # Without labels a recipe reads the crawl and its alt texts, with labels the data set made from it.
    uses_labels = True

    def __init__(self, parameters: PretrainParameters) -> None:
        self.parameters = parameters

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Named losses, float [] each; their sum is minimised."""
        raise NotImplementedError(f"the recipe {self.name} defines no losses")


class Clip(Recipe):
    """The baseline: pictures and their original alt texts."""

    name = "clip"
    uses_texts = True
    uses_labels = False

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Symmetric InfoNCE; nothing is known of entities, so every other text is a negative."""
        return {"contrastive": _contrastive(features)}


class Supervised(Recipe):
    """Entities are classes."""

    name = "supervised"
    uses_classes = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Large-margin softmax over sampled classes."""
        return {"supervised": _supervised(features, self.parameters)}


class Contrastive(Recipe):
    """Entities are free text."""

    name = "contrastive"
    uses_texts = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Symmetric InfoNCE; pictures of one entity do not repel each other's texts."""
        return {"contrastive": _contrastive(features)}


class Multitask(Recipe):
    """Both, on one shared image tower: `lambda * supervised + (1 - lambda) * contrastive`."""

    name = "multitask"
    uses_texts = True
    uses_classes = True

    def losses(self, features: Features) -> dict[str, Tensor]:
        """Both losses, weighted."""
        share = self.parameters.supervised_share
        return {
            "supervised": share * _supervised(features, self.parameters),
            "contrastive": (1 - share) * _contrastive(features),
        }


RECIPES: dict[str, type[Recipe]] = {kind.name: kind for kind in (Clip, Supervised, Contrastive, Multitask)}


def make(name: str, parameters: PretrainParameters) -> Recipe:
    """The recipe of that name.

    Raises:
        ParameterError: if there is none.
    """
    if name not in RECIPES:
        raise ParameterError(f"there is no recipe {name!r}; the recipes are {', '.join(RECIPES)}")
    return RECIPES[name](parameters)


def _supervised(features: Features, parameters: PretrainParameters) -> Tensor:
    """Every worker's pictures against the part of the classes that this one holds; the mean loss of its own pictures."""
    assert features.rows is not None and features.target is not None and features.entities is not None
    images = parallel.gather_with_gradient(features.images)
    labels = parallel.gather(torch.cat([features.target[:, None], features.entities], dim=1))
    target, entities = labels[:, 0], labels[:, 1:]
    losses = large_margin_softmax(
        images @ torch.nn.functional.normalize(features.rows.weight, dim=1).T,
        features.rows.columns(target),
        features.rows.columns(entities).masked_fill(entities == target[:, None], -1),
        margin=parameters.margin,
        scale=parameters.scale,
    )
    return parallel.own(losses).mean()


def _contrastive(features: Features) -> Tensor:
    assert features.texts is not None and features.logit_scale is not None
    images, texts = features.images, features.texts
    rank, _ = parallel.world()
    target = torch.arange(len(images), device=images.device) + rank * len(images)
    same = None
    if features.entities is not None:
        same = share_entity(features.entities, parallel.gather(features.entities))
    return info_nce(
        features.logit_scale * images @ parallel.gather_with_gradient(texts).T,
        features.logit_scale * texts @ parallel.gather_with_gradient(images).T,
        target,
        same,
    )
