"""The order of an epoch that needs few shards at a time: shards are shuffled, then the pictures inside windows of them."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import lru_cache
from math import gcd

import numpy as np
import numpy.typing as npt

Numbers = npt.NDArray[np.int64]
# What a random number is for, so that no two purposes share a stream.
_SHARDS, _PICTURES = 2, 3
# Workers that a batch can be cut for so that each needs shards of its own, at most.
_LANES = 1024
_PIECE = 1 << 16  # places that are looked at together for a substitute; a window may have ten million


@dataclass(frozen=True)
class Window:
    """A stretch of the endless stream that one group of shards fills.

    `start` is its first place in the stream; `shards`, `rows` int64 [n] say which picture stands at each of its places.
    """

    start: int
    shards: Numbers
    rows: Numbers

    def __len__(self) -> int:
        return len(self.shards)


class WindowOrder:
    """The endless stream of pictures, one seeded epoch after another, each of which holds every picture once.

    It does not depend on the number of workers. A step's batch is cut into lanes, and a window's shards are dealt out to lanes, so
    that workers, who take neighbouring lanes, read different shards; which lanes those are is nothing that the order knows of.
    """

    def __init__(self, sizes: Numbers, window: int, batch: int, seed: int) -> None:
        """Takes the usable pictures of every shard, int64 [shards], and how many shards make a window."""
        self._sizes, self._window, self._batch, self._seed = sizes, window, batch, seed
        self._lanes = gcd(batch, _LANES)
        self._total = int(sizes.sum())
        self._epoch = lru_cache(maxsize=2)(self._plan_epoch)
        self._made = lru_cache(maxsize=3)(self._make_window)

    def __len__(self) -> int:
        return self._total

    def lane(self, places: Numbers) -> Numbers:
        """The lane of each place of the stream; same shape."""
        return places % self._batch * self._lanes // self._batch

    def shards_of_a_worker(self, workers: int) -> int:
        """The most shards of a window that one of so many workers reads, if they are equally large.

        It is `window / workers + 2` where the lanes can be shared evenly: its own part, and those at the part's two ends.
        """
        uneven = self._lanes % workers > 0
        lanes = -(-self._lanes // workers) + uneven
        return min(self._window, self._window * lanes // self._lanes + 2)

    def window(self, place: int) -> Window:
        """The window that holds this place of the stream."""
        epoch, offset = divmod(place, self._total)
        return self._made(epoch, int(np.searchsorted(self._epoch(epoch)[1], offset, side="right")))

    def at(self, places: Numbers) -> tuple[Numbers, Numbers]:
        """Which picture stands at each place: (shard, row among its usable ones), same shape. Places ascend."""
        parts: list[tuple[Numbers, Numbers]] = []
        first = 0
        while first < len(places):
            window = self.window(int(places[first]))
            inside = places[first:] - window.start
            inside = inside[inside < len(window)]
            parts.append((window.shards[inside], window.rows[inside]))
            first += len(inside)
        return np.concatenate([p[0] for p in parts]), np.concatenate([p[1] for p in parts])

    def substitutes(self, place: int) -> Iterator[tuple[int, int]]:
        """(shard, row) of the other pictures of the window: those that follow in the place's own lane, then all others."""
        window = self.window(place)
        lane = self.lane(np.array([place]))[0]
        for of_lane in (True, False):
            for first in range(1, len(window), _PIECE):
                after = np.arange(first, min(first + _PIECE, len(window)))
                inside = (place - window.start + after) % len(window)
                for i in inside[(self.lane(window.start + inside) == lane) == of_lane]:
                    yield int(window.shards[i]), int(window.rows[i])

    def _plan_epoch(self, epoch: int) -> tuple[Numbers, Numbers]:
        """The order of shards, and where in the epoch each window ends. Shards without a usable picture are left out."""
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
        # The first lane's places take the first shards' pictures, in an order of chance, and so on.
        lane = self.lane(start + np.arange(len(shard)))
        places = np.lexsort((rng.random(len(shard)), lane))
        shard_at, row_at = np.empty_like(shard), np.empty_like(row)
        shard_at[places], row_at[places] = shard, row
        return Window(start, shard_at, row_at)
