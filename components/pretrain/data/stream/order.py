"""A shuffle that needs few shards at a time: of shards, then of pictures within windows."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
# Purposes of random numbers, so that no two share a stream.
_SHARDS, _PICTURES = 2, 3
# The most workers that each read shards of their own.
_LANES = 1024
_PIECE = 1 << 16  # positions searched together for a substitute; a window may have ten million


@dataclass(frozen=True)
class Window:
    """A stretch of the endless stream that a group of shards fills.

    Attributes:
        start: its first position in the stream.
        shards: int64 [n], the shard of the picture at each position.
        rows: int64 [n], its row in that shard.
    """

    start: int
    shards: Numbers
    rows: Numbers

    def __len__(self) -> int:
        return len(self.shards)


class WindowOrder:
    """The endless stream of pictures: seeded epochs, each with every picture once.

    The order does not depend on the number of workers. A batch is split into lanes, and a window's
    shards are dealt to lanes, so that workers, who take neighbouring lanes, read different shards.
    """

    def __init__(self, sizes: Numbers, window: int, batch: int, seed: int) -> None:
        """Takes the usable pictures of every shard, int64 [shards], and the shards of a window."""
        self._sizes, self._window, self._batch, self._seed = sizes, window, batch, seed
        self._lanes = gcd(batch, _LANES)
        self._total = int(sizes.sum())
        self._epoch = lru_cache(maxsize=2)(self._plan_epoch)
        self._made = lru_cache(maxsize=3)(self._make_window)

    def __len__(self) -> int:
        return self._total

    def lane(self, positions: Numbers) -> Numbers:
        """The lane of each position of the stream; same shape."""
        return positions % self._batch * self._lanes // self._batch

    def max_shards_per_worker(self, workers: int) -> int:
        """The most shards of a window that one of `workers` reads, if shards are equally large.

        With evenly shared lanes that is `window / workers + 2`: its own part, and one at each end.
        """
        uneven = self._lanes % workers > 0
        lanes = -(-self._lanes // workers) + uneven
        return min(self._window, self._window * lanes // self._lanes + 2)

    def window(self, position: int) -> Window:
        """The window that holds this position of the stream."""
        epoch, offset = divmod(position, self._total)
        return self._made(epoch, int(np.searchsorted(self._epoch(epoch)[1], offset, side="right")))

    def at(self, positions: Numbers) -> tuple[Numbers, Numbers]:
        """The pictures at these ascending positions: (shard, row among usable ones), same shape."""
        parts: list[tuple[Numbers, Numbers]] = []
        first = 0
        while first < len(positions):
            window = self.window(int(positions[first]))
            inside = positions[first:] - window.start
            inside = inside[inside < len(window)]
            parts.append((window.shards[inside], window.rows[inside]))
            first += len(inside)
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def substitutes(self, position: int) -> Iterator[tuple[int, int]]:
        """(shard, row) of the window's other pictures: first those that follow in the same lane."""
        window = self.window(position)
        lane = self.lane(np.array([position]))[0]
        for of_lane in (True, False):
            for first in range(1, len(window), _PIECE):
                after = np.arange(first, min(first + _PIECE, len(window)))
                inside = (position - window.start + after) % len(window)
                for i in inside[(self.lane(window.start + inside) == lane) == of_lane]:
                    yield int(window.shards[i]), int(window.rows[i])

    def _plan_epoch(self, epoch: int) -> tuple[Numbers, Numbers]:
        """The order of shards, and where each window ends; without shards of no usable picture."""
        order = np.random.default_rng([self._seed, _SHARDS, epoch]).permutation(np.flatnonzero(self._sizes))
        ends = np.cumsum(np.add.reduceat(self._sizes[order], np.arange(0, len(order), self._window)))
        return order, ends

    def _make_window(self, epoch: int, number: int) -> Window:
        order, ends = self._epoch(epoch)
        shards = order[number * self._window : (number + 1) * self._window]
        start = epoch * self._total + (int(ends[number - 1]) if number else 0)
        rng = np.random.default_rng([self._seed, _PICTURES, epoch, number])
        shard = np.repeat(shards, self._sizes[shards])
        row = np.concatenate([rng.permutation(self._sizes[one]) for one in shards])
        # The first lane takes the first shards' pictures in random order, and so on.
        lane = self.lane(start + np.arange(len(shard)))
        positions = np.lexsort((rng.random(len(shard)), lane))
        shard_at, row_at = np.empty_like(shard), np.empty_like(row)
        shard_at[positions], row_at[positions] = shard, row
        return Window(start, shard_at, row_at)
