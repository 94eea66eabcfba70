"""A shard's pictures in batches, read and decoded in a thread while CLIP looks at the batch before."""

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.ahead import ahead
from components.images import BadImage, decode
from components.shards import read_pictures

Batch = tuple[list[str], npt.NDArray[np.uint8]]

# Batches that are ready or under way beside the one in use.
_AHEAD = 2


def batches_ahead(tar: Path, size: int, batch: int) -> Iterator[Batch]:
    """Keys and pictures uint8 [n, size, size, 3] of a shard, n = `batch` but at its end; those that cannot be read are left out.

    One thread is enough: decoding takes less time than looking, and a task of the shard map has one CPU.

    Raises:
        InputError: if the tar is missing or broken.
    """
    return ahead(_batches(tar, size, batch), _AHEAD)


def _batches(tar: Path, size: int, batch: int) -> Iterator[Batch]:
    keys: list[str] = []
    pictures: list[npt.NDArray[np.uint8]] = []
    for key, data in read_pictures(tar):
        try:
            pictures.append(decode(data, size, quick=True))
        except BadImage:
            continue
        keys.append(key)
        if len(keys) == batch:
            yield keys, np.stack(pictures)
            keys, pictures = [], []
    if keys:
        yield keys, np.stack(pictures)
