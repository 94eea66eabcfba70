"""Pictures, texts and classes of one step, read from the shards and decoded now; what cannot be decoded is replaced."""

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.images.decode import BadImage, decode
from components.pretrain.data.cache import drop_oldest
from components.pretrain.data.loader import Share
from components.pretrain.data.stream.catalogue import Catalogue, load
from components.pretrain.data.stream.order import WindowOrder
from components.pretrain.data.stream.shard_cache import Opened, Shelf
from components.pretrain.data.usable_rows import NO_CLASS
from components.storage.mirror import CACHE_VARIABLE

# Windows whose shards are kept: the one in use, the next one, and what is still open of the one before.
_WINDOWS = 3
_FETCHES = 4  # at once
_UNEQUAL = 2  # times the shards that a worker would read if all were equally large
# Set by Ray Train (and torchrun) for every worker.
_WORKERS_HERE = "LOCAL_WORLD_SIZE"


@dataclass(frozen=True)
class Setting:
    """What a source is made from, small enough to be told to every process.

    Attributes:
        catalogue: folder (`catalogue.build`).
        scratch: folder for the shards in use, shared by the processes of a machine.
        size: side of the decoded pictures, px.
        window: shards whose pictures are mixed.
        seed: of the order.
    """

    catalogue: Path
    scratch: Path
    size: int
    window: int
    seed: int


@dataclass(frozen=True)
class Drawn:
    """One worker's pictures of a step: uint8 [b, size, size, 3], b alt texts, classes int64 [b, k] or None, and the pictures
    that could not be decoded and had to be replaced.
    """

    pictures: npt.NDArray[np.uint8]
    alt_texts: list[str]
    classes: npt.NDArray[np.int64] | None
    skipped: int


class StreamSource:
    """Any step's pictures. What a step draws depends on (seed, step, batch) alone."""

    def __init__(self, setting: Setting, share: Share) -> None:
        self._setting, self._share = setting, share
        self.catalogue: Catalogue = load(setting.catalogue)
        self.order = WindowOrder(self.catalogue.usable, setting.window, share.batch, setting.seed)
        self.shelf = Shelf(self.catalogue, _scratch(setting), _WINDOWS * self._shards_here())

    def _shards_here(self) -> int:
        """The shards of a window that this machine's workers read, at most."""
        workers = self._share.workers
        here = int(os.environ.get(_WORKERS_HERE, workers))
        return min(self._setting.window, here * _UNEQUAL * self.order.shards_of_a_worker(workers))

    def draw(self, step: int) -> Drawn:
        """Decodes a step's pictures.

        Raises:
            InputError: if a shard is missing, damaged or changed, or no picture of a whole window can be decoded.
            SetupError: if the disk is full, or a bucket's server fails.
        """
        places = self._share.positions(step)
        size, most = self._setting.size, self.catalogue.most_classes
        pictures = np.empty((len(places), size, size, 3), np.uint8)
        classes = np.full((len(places), most), NO_CLASS, np.int64) if most else None
        alt_texts: list[str] = []
        skipped = 0
        shards, rows = self.order.at(places)
        for i, (place, shard, row) in enumerate(zip(places, shards.tolist(), rows.tolist(), strict=True)):
            opened, found, bad = self._decode(int(place), shard, row, pictures[i])
            skipped += bad
            alt_texts.append(opened.alt_texts[found].as_py())
            if classes is not None and opened.classes is not None:
                own = opened.classes[found]
                classes[i, : len(own)] = own
        return Drawn(pictures, alt_texts, classes, skipped)

    def _decode(self, place: int, shard: int, row: int, out: npt.NDArray[np.uint8]) -> tuple[Opened, int, int]:
        """Decodes into `out` the picture, or the first of its substitutes that can be; returns which one it was, and how many
        were bad.
        """
        bad = 0
        for one, which in _first((shard, row), self.order.substitutes(place)):
            opened = self.shelf.open(one)
            try:
                out[:] = decode(opened.image(which), self._setting.size, quick=True)
            except BadImage:
                bad += 1
                continue
            return opened, which, bad
        raise InputError(
            f"{self.catalogue.shards.location}: none of {bad} pictures of a window can be decoded; run the "
            "stage that writes the shards again"
        )


def _scratch(setting: Setting) -> Path:
    """The folder for shards; where `.work` is a disk that all machines share, each machine has one of its own.

    That one outlives the training, whose end other machines do not see; so those of other trainings go, the oldest first.
    """
    own = os.environ.get(CACHE_VARIABLE)
    if not own:
        return setting.scratch
    folder = Path(own) / "shards" / setting.catalogue.name
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    drop_oldest(folder.parent)
    return folder


def _first(one: tuple[int, int], others: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Others are looked for when they are needed."""
    yield one
    yield from others


class Stager:
    """Makes shards ready before steps want them, a window ahead, in threads."""

    def __init__(self, source: StreamSource, share: Share) -> None:
        self._source, self._share = source, share
        self._threads = ThreadPoolExecutor(_FETCHES, "stager")
        self._asked: set[int] = set()  # where windows start

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._threads.shutdown(cancel_futures=True)

    def look_ahead(self, step: int) -> None:
        """Asks for what this worker needs of the step's windows and of the one after them.

        An error here is not told: whoever needs the shard meets it again.
        """
        first, last = self._share.positions(step)[[0, -1]]
        here = self._source.order.window(int(first))
        there = self._source.order.window(int(last))
        windows = {window.start: window for window in (here, there)}
        after = self._source.order.window(there.start + len(there))
        windows[after.start] = after
        for start, window in windows.items():
            if start not in self._asked:
                for shard in self._own(start, window.shards):
                    self._threads.submit(self._source.shelf.stage, shard)
        self._asked = set(windows)

    def _own(self, start: int, shards: npt.NDArray[np.int64]) -> list[int]:
        """The shards that this worker reads of a window, first needed first."""
        slot = (start + np.arange(len(shards))) % self._share.batch
        own = shards[(slot >= self._share.own.start) & (slot < self._share.own.stop)]
        unique, first = np.unique(own, return_index=True)
        return [int(shard) for shard in unique[np.argsort(first)]]
