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
from components.pretrain.step.class_table import SampledRows


@dataclass(frozen=True)
class Features:
    """What one worker's forward pass gives. Embeddings are L2-normalised, float [b, d].

    `target` int64 [b] is the entity drawn for each picture, `entities` int64 [b, k] all of its
    entities, padded with -1; both are class indices. A recipe without labels has neither, one
    without texts has no `texts`.
    """

    images: Tensor
    texts: Tensor | None = None
    logit_scale: Tensor | None = None
    rows: SampledRows | None = None
    target: Tensor | None = None
    entities: Tensor | None = None

    @cached_property
    def all_images(self) -> Tensor:
        """`images` of all workers, [b * workers, d] in rank order, differentiable.

        A collective operation: every worker must call it.
        """
        return collectives.gather_with_gradient(self.images)

    @cached_property
    def all_entities(self) -> Tensor | None:
        """`entities` of all workers, int64 [b * workers, k] in rank order.

        A collective operation: every worker must call it.
        """
        return None if self.entities is None else collectives.gather(self.entities)


class Recipe(ABC):
    """What a recipe needs, and its losses.

    Attributes:
        uses_texts: whether it trains a text tower.
        uses_classes: whether it trains a class table.
        uses_labels: whether it reads the data set; otherwise it reads the crawl and its alt texts.
    """

    uses_texts: ClassVar[bool] = False
    uses_classes: ClassVar[bool] = False
    uses_labels: ClassVar[bool] = True

    def __init__(self, parameters: PretrainParameters) -> None:
        self.parameters = parameters

    @property
    def name(self) -> str:
        """The name of its file."""
        return type(self).__module__.rpartition(".")[2]

    @abstractmethod
    def losses(self, features: Features) -> dict[str, Tensor]:
        """Named losses, float [] each; their sum is minimised."""
