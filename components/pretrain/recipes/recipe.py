"""What a recipe is: it couples the towers (and the class table) to named losses whose sum is what is trained."""

from abc import ABC, abstractmethod
from dataclasses import dataclass
from functools import cached_property

from torch import Tensor

from components.pretrain.parameters import PretrainParameters
from components.pretrain.step import collectives
from components.pretrain.step.class_table import SampledRows


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

    @cached_property
    def all_images(self) -> Tensor:
        """`images` of all workers, [b * workers, d] in rank order, differentiable. Every worker must ask for it."""
        return collectives.gather_with_gradient(self.images)

    @cached_property
    def all_entities(self) -> Tensor | None:
        """`entities` of all workers, int64 [b * workers, k] in rank order. Every worker must ask for it."""
        return None if self.entities is None else collectives.gather(self.entities)


class Recipe(ABC):
    """What a recipe needs, and its losses."""

    name: str
    uses_texts = False
    uses_classes = False
    # Without labels a recipe reads the crawl and its alt texts, with labels the data set made from it.
    uses_labels = True

    def __init__(self, parameters: PretrainParameters) -> None:
        self.parameters = parameters

    @abstractmethod
    def losses(self, features: Features) -> dict[str, Tensor]:
        """Named losses, float [] each; their sum is minimised."""
