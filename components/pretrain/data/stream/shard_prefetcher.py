"""Prepares the shards of the next window in threads."""

from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from components.pretrain.data.batch import BatchPartition
from components.pretrain.data.stream.source import StreamSource

_FETCH_THREADS = 4


class ShardPrefetcher:
    """Prepares a worker's shards a window ahead, in threads."""

    def __init__(self, source: StreamSource, partition: BatchPartition) -> None:
        self._source, self._partition = source, partition
        self._threads = ThreadPoolExecutor(_FETCH_THREADS, "shard-prefetch")
        self._requested: set[int] = set()  # starts of windows

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def prefetch(self, step: int) -> None:
        """Requests the worker's shards of the step's windows and of the window after them.

        Errors are ignored here: reading the shard raises them again.
        """
        first, last = self._partition.positions(step)[[0, -1]]
        current = self._source.order.window(int(first))
        last_window = self._source.order.window(int(last))
        windows = {window.start: window for window in (current, last_window)}
        after = self._source.order.window(last_window.start + len(last_window))
        windows[after.start] = after
        for start, window in windows.items():
            if start not in self._requested:
                for shard in self._shards_of_worker(start, window.shards):
                    self._threads.submit(self._source.shards.prepare, shard)
        self._requested = set(windows)

    def _shards_of_worker(self, start: int, shards: npt.NDArray[np.int64]) -> list[int]:
        """The window's shards that this worker reads, in the order in which it needs them."""
        slot = (start + np.arange(len(shards))) % self._partition.batch
        own = shards[(slot >= self._partition.own_slice.start) & (slot < self._partition.own_slice.stop)]
        unique, first = np.unique(own, return_index=True)
        return [int(shard) for shard in unique[np.argsort(first)]]
