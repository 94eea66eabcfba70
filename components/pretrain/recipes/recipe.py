"""The base class of recipes, which couple towers and class table to named losses."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from components.pretrain.parameters import PretrainParameters
from components.pretrain.step import collectives
from components.pretrain.step.class_table import SampledClasses


@dataclass(frozen=True)
class Features:
    """The outputs of one worker's forward pass. Embeddings are L2-normalised.

    Attributes:
        images: float [b, d].
        texts: float [b, d]; None for recipes without texts.
        logit_scale: the inverse temperature of the contrastive loss.
        sampled: the sampled classes; None for recipes without classes.
        target: int64 [b], the class drawn for each picture; None without labels.
        entities: int64 [b, k], all classes of each picture, padded with -1; None without labels.
    """

    images: Tensor
    texts: Tensor | None = None
    logit_scale: Tensor | None = None
    sampled: SampledClasses | None = None
    target: Tensor | None = None
    entities: Tensor | None = None

    @cached_property
    def all_images(self) -> Tensor:
        """`images` of all workers, [b * workers, d] in rank order, differentiable; a collective
        call.
        """
        return collectives.gather_with_gradient(self.images)

    @cached_property
    def all_entities(self) -> Tensor | None:
        """`entities` of all workers, int64 [b * workers, k] in rank order; a collective call."""
        return None if self.entities is None else collectives.gather(self.entities)


class Recipe(ABC):
    """What a recipe uses, and its losses."""

    name: str
    uses_texts = False
    uses_classes = False
    # Recipes without labels read the crawl and its alt texts, others the data set made from it.
    uses_labels = True

    def __init__(self, parameters: PretrainParameters) -> None:
        self.parameters = parameters

    @abstractmethod
    def losses(self, features: Features) -> dict[str, Tensor]:
        """Named losses, float [] each, whose sum is minimised."""
