"""A batch, and the part of it that one worker trains on."""

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from torch import Tensor


@dataclass(frozen=True)
class Batch:
    """One worker's part of a step's batch. What the recipe does not use is None.

    Attributes:
        step: of the training.
        pictures: uint8 [b, h, w, 3].
        tokens: int64 [b, l].
        target: int64 [b], the class drawn for each picture.
        entities: int64 [b, k], all classes of each picture, padded with -1.
        skipped: pictures that could not be decoded and were replaced by others.
    """

    step: int
    pictures: Tensor
    tokens: Tensor | None
    target: Tensor | None
    entities: Tensor | None
    skipped: int = 0


@dataclass(frozen=True)
class BatchPartition:
    """The part of every step's batch that one worker trains on."""

    batch: int
    rank: int = 0
    workers: int = 1

    @property
    def own_slice(self) -> slice:
        """This worker's slice of a step's batch."""
        size = self.batch // self.workers
        return slice(self.rank * size, (self.rank + 1) * size)

    def positions(self, step: int) -> npt.NDArray[np.int64]:
        """This worker's positions in the endless stream of samples: int64 [batch / workers]."""
        return step * self.batch + np.arange(self.batch)[self.own_slice]
