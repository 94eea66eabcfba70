"""The pictures, texts and classes of one step, read from shards; replaces undecodable ones."""

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.images.decode import BadImage, decode
from components.pretrain.data.batch import BatchPartition
from components.pretrain.data.picture_cache import drop_oldest
from components.pretrain.data.stream.catalogue import Catalogue, load
from components.pretrain.data.stream.order import WindowOrder
from components.pretrain.data.stream.shard_cache import OpenShard, ShardCache
from components.pretrain.data.usable_pictures import NO_CLASS
from components.storage.mirror import CACHE_VARIABLE

# Windows whose shards are kept: the current and the next one, and open shards of the previous one.
_WINDOWS_KEPT = 3
_SIZE_MARGIN = 2  # times the shards a worker would read if all were equally large
# Set by Ray Train (and torchrun) for every worker.
_LOCAL_WORLD_SIZE = "LOCAL_WORLD_SIZE"


@dataclass(frozen=True)
class StreamConfig:
    """What a source is made from, small enough to send to every process.

    Attributes:
        catalogue: folder (`catalogue.build`).
        scratch: folder of the shard cache, shared by the processes of a machine.
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
class StepPictures:
    """One worker's pictures of a step.

    Attributes:
        pictures: uint8 [b, size, size, 3].
        alt_texts: b texts.
        classes: int64 [b, k], padded with -1, or None.
        skipped: pictures that could not be decoded and were replaced.
    """

    pictures: npt.NDArray[np.uint8]
    alt_texts: list[str]
    classes: npt.NDArray[np.int64] | None
    skipped: int


class StreamSource:
    """Reads the pictures of any step. What a step holds depends on (seed, step, batch) alone."""

    def __init__(self, config: StreamConfig, partition: BatchPartition) -> None:
        self._config, self._partition = config, partition
        self.catalogue: Catalogue = load(config.catalogue)
        self.order = WindowOrder(self.catalogue.usable, config.window, partition.batch, config.seed)
        self.shards = ShardCache(self.catalogue, _scratch(config), _WINDOWS_KEPT * self._local_shards())

    def _local_shards(self) -> int:
        """An upper bound of a window's shards that the workers of this machine read."""
        workers = self._partition.workers
        here = int(os.environ.get(_LOCAL_WORLD_SIZE, workers))
        return min(self._config.window, here * _SIZE_MARGIN * self.order.max_shards_per_worker(workers))

    def read(self, step: int) -> StepPictures:
        """Reads and decodes a step's pictures.

        Raises:
            InputError: if a shard is missing, damaged or changed, or no picture of a window can be
                decoded.
            SetupError: if the disk is full, or a bucket's server fails.
        """
        positions = self._partition.positions(step)
        size, most = self._config.size, self.catalogue.most_classes
        pictures = np.empty((len(positions), size, size, 3), np.uint8)
        classes = np.full((len(positions), most), NO_CLASS, np.int64) if most else None
        alt_texts: list[str] = []
        skipped = 0
        shards, rows = self.order.at(positions)
        for i, (position, shard, row) in enumerate(zip(positions, shards.tolist(), rows.tolist(), strict=True)):
            opened, found, bad = self._decode(int(position), shard, row, pictures[i])
            skipped += bad
            alt_texts.append(opened.alt_texts[found].as_py())
            if classes is not None and opened.classes is not None:
                own = opened.classes[found]
                classes[i, : len(own)] = own
        return StepPictures(pictures, alt_texts, classes, skipped)

    def _decode(self, position: int, shard: int, row: int, out: npt.NDArray[np.uint8]) -> tuple[OpenShard, int, int]:
        """Decodes the picture or its first good substitute; returns shard, row, bad pictures."""
        bad = 0
        for one, which in _with_substitutes((shard, row), self.order.substitutes(position)):
            opened = self.shards.open(one)
            try:
                out[:] = decode(opened.image(which), self._config.size, quick=True)
            except BadImage:
                bad += 1
                continue
            return opened, which, bad
        raise InputError(
            f"{self.catalogue.shards.location}: none of {bad} pictures of a window can be decoded; run the "
            "stage that writes the shards again"
        )


def _scratch(config: StreamConfig) -> Path:
    """The folder of the shard cache; with `.work` on a shared disk, one on the machine's own disk.

    That one outlives the training, whose end other machines do not see; the oldest folders are
    deleted.
    """
    own = os.environ.get(CACHE_VARIABLE)
    if not own:
        return config.scratch
    folder = Path(own) / "shards" / config.catalogue.name
    folder.mkdir(parents=True, exist_ok=True)
    folder.touch()
    drop_oldest(folder.parent)
    return folder


def _with_substitutes(one: tuple[int, int], others: Iterator[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Chains lazily, since substitutes are rarely needed."""
    yield one
    yield from others
