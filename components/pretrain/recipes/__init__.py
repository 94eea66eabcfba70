"""What `mofi pretrain RECIPE` can train: one file a recipe, found by its name.

A file holds one subclass of `Recipe`. A recipe couples the towers, and the class table if it wants
one, to named losses whose sum is minimised.
"""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property
from typing import ClassVar

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
        """`images` of all workers by rank, [b * workers, d], differentiable; collective."""
        return collectives.gather_with_gradient(self.images)

    @cached_property
    def all_entities(self) -> Tensor | None:
        """`entities` of all workers, int64 [b * workers, k] in rank order; a collective call."""
        return None if self.entities is None else collectives.gather(self.entities)


class Recipe(ABC):
    """What a recipe uses, and its losses.

    Attributes:
        uses_texts: whether it trains a text tower.
        uses_classes: whether it trains a class table.
        uses_labels: whether it reads the data set; otherwise it reads the crawl and its alt texts.
        knobs: parameters of `pretrain` that it reads and some other recipes do not.
    """

    uses_texts: ClassVar[bool] = False
    uses_classes: ClassVar[bool] = False
    uses_labels: ClassVar[bool] = True
    knobs: ClassVar[frozenset[str]] = frozenset()

    def __init__(self, parameters: PretrainParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        """The name of its file."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def losses(self, features: Features) -> dict[str, Tensor]:
        """Named losses, float [] each, whose sum is minimised."""
