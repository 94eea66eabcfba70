"""A shard's pictures in batches, read and decoded in a thread while CLIP looks at the batch before."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from components.images import BadImage, decode
from components.shards import read_shard

Batch = tuple[list[str], npt.NDArray[np.uint8]]
Item = TypeVar("Item")

# Batches that are ready or under way beside the one in use.
_AHEAD = 2


def batches_ahead(tar: Path, size: int, batch: int) -> Iterator[Batch]:
    """Keys and pictures uint8 [n, size, size, 3] of a shard, n = `batch` but at its end; those that cannot be read are left out.

    One thread is enough: decoding takes less time than looking, and a task of the shard map has one CPU.

    Raises:
        InputError: if the tar is missing or broken.
    """
    return _ahead(_batches(tar, size, batch))


def _batches(tar: Path, size: int, batch: int) -> Iterator[Batch]:
    keys: list[str] = []
    pictures: list[npt.NDArray[np.uint8]] = []
    for picture in read_shard(tar):
        try:
            pictures.append(decode(picture.image, size, quick=True))
        except BadImage:
            continue
        keys.append(picture.key)
        if len(keys) == batch:
            yield keys, np.stack(pictures)
            keys, pictures = [], []
    if keys:
        yield keys, np.stack(pictures)


def _ahead(items: Iterator[Item]) -> Iterator[Item]:
    """The same items; a thread runs the iterator, which is never more than `_AHEAD` items before whoever takes them."""
    with ThreadPoolExecutor(1, "decode") as thread:
        line = deque(thread.submit(next, items, None) for _ in range(_AHEAD))
        try:
            while (item := line.popleft().result()) is not None:
                line.append(thread.submit(next, items, None))
                yield item
        finally:
            thread.shutdown(cancel_futures=True)
