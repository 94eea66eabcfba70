"""Batches of a shard's pictures, decoded in a thread while CLIP processes the previous one."""

from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np

from components.execution.prefetch import prefetch
from components.images.decode import BadImage
from components.models.preprocess import Pictures
from components.shards.reader import read_pictures

Batch = tuple[list[str], Pictures]
Prepare = Callable[[bytes], Pictures]

# Batches that are prefetched in addition to the one in use.
_AHEAD = 2


def batches_ahead(tar: Path, prepare: Prepare, batch: int) -> Iterator[Batch]:
    """Yields (keys, prepared pictures [n, size, size, 3]), n = `batch` except in the last batch.

    Unreadable pictures are left out. One thread is enough: decoding takes less time than inference,
    and a task of the shard map has one CPU.

    Raises:
        InputError: if the tar is missing or broken.
    """
    return prefetch(_batches(tar, prepare, batch), _AHEAD)


def _batches(tar: Path, prepare: Prepare, batch: int) -> Iterator[Batch]:
    keys: list[str] = []
    pictures: list[Pictures] = []
    for key, data in read_pictures(tar):
        try:
            pictures.append(prepare(data))
        except BadImage:
            continue
        keys.append(key)
        if len(keys) == batch:
            yield keys, np.stack(pictures)
            keys, pictures = [], []
    if keys:
        yield keys, np.stack(pictures)
