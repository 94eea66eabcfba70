"""Batches of decoded pictures in a seeded order. A batch depends on its step alone."""

from collections.abc import Iterator
from functools import lru_cache

import numpy as np
import numpy.typing as npt

from components.execution.prefetch import prefetch
from components.models.tokenizer import Tokenizer
from components.pretrain.data.batch import Batch, BatchPartition
from components.pretrain.data.collator import Collator
from components.pretrain.data.samples import Samples
from components.pretrain.parameters import TextParameters

_ORDER = 0  # purpose of the random numbers, so that no two purposes share a stream


class SampleOrder:
    """The endless stream of samples: one seeded permutation per epoch."""

    def __init__(self, samples: int, seed: int) -> None:
        self._samples, self._seed = samples, seed
        self._permutation = lru_cache(maxsize=2)(self._permute)

    def _permute(self, epoch: int) -> npt.NDArray[np.int64]:
        return np.random.default_rng([self._seed, _ORDER, epoch]).permutation(self._samples)

    def at(self, positions: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
        """The samples at these positions of the stream; same shape."""
        epochs, offsets = np.divmod(positions, self._samples)
        chosen = np.empty_like(positions)
        for epoch in np.unique(epochs):
            inside = epochs == epoch
            chosen[inside] = self._permutation(int(epoch))[offsets[inside]]
        return chosen


class Loader:
    """Loads batches of decoded pictures; a thread prefetches them and exits with the iteration."""

    def __init__(
        self,
        samples: Samples,
        partition: BatchPartition,
        seed: int,
        prefetch: int,
        text: TextParameters,
        tokenizer: Tokenizer | None,
    ) -> None:
        self._samples, self._partition, self._prefetch = samples, partition, prefetch
        self._collator = Collator(partition, seed, text, samples.vocabulary, tokenizer)
        self._order = SampleOrder(len(samples), seed)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps `start` to `stop` - 1."""
        return prefetch(map(self.batch, range(start, stop)), self._prefetch)

    def batch(self, step: int) -> Batch:
        """The batch of one step, without prefetching."""
        samples = self._samples
        chosen = self._order.at(self._partition.positions(step))
        indices = samples.positions[chosen]
        alt_texts = [samples.pictures.alt_texts[i] for i in indices]
        classes = None if samples.classes is None else samples.classes[chosen]
        return self._collator.collate(step, samples.pictures.gather(indices), alt_texts, classes)
