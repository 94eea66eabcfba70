"""Batches of a shard's pictures, decoded in a thread while CLIP processes the previous one."""

from collections import Counter
from collections.abc import Callable, Container, Iterator
from pathlib import Path

import numpy as np

from components.execution.prefetch import prefetch
from components.images.decode import BadImage
from components.models.preprocess import Pictures
from components.shards.reader import read_pictures

Batch = tuple[list[str], Pictures]
Prepare = Callable[[bytes], Pictures]

NOT_IN_INDEX, UNDECODABLE = "not_in_index", "undecodable"
# Batches that are prefetched in addition to the one in use.
_AHEAD = 2


def batches_ahead(
    tar: Path,
    prepare: Prepare,
    batch: int,
    wanted: Container[str] | None = None,
    left_out: Counter[str] | None = None,
) -> Iterator[Batch]:
    """Yields (keys, prepared pictures [n, size, size, 3]), n = `batch` except in the last batch.

    One thread is enough: decoding takes less time than inference, and a task of the shard map has
    one CPU.

    Args:
        tar: the shard's tar.
        prepare: decodes a picture, or raises BadImage.
        batch: pictures of a batch.
        wanted: keys of the pictures that the index lists; None = all.
        left_out: counts the tar's other pictures: those that the index does not list
            (`not_in_index`) or nobody can decode (`undecodable`), and what `read_pictures` refuses.

    Raises:
        InputError: if the tar is missing or broken.
    """
    return prefetch(_batches(tar, prepare, batch, wanted, Counter() if left_out is None else left_out), _AHEAD)


def _batches(
    tar: Path, prepare: Prepare, batch: int, wanted: Container[str] | None, left_out: Counter[str]
) -> Iterator[Batch]:
    keys: list[str] = []
    pictures: list[Pictures] = []
    for key, data in read_pictures(tar, left_out):
        if wanted is not None and key not in wanted:
            left_out[NOT_IN_INDEX] += 1
            continue
        try:
            pictures.append(prepare(data))
        except BadImage:
            left_out[UNDECODABLE] += 1
            continue
        keys.append(key)
        if len(keys) == batch:
            yield keys, np.stack(pictures)
            keys, pictures = [], []
    if keys:
        yield keys, np.stack(pictures)
