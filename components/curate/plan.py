"""Which picture goes into which output shard, in which order."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from components.curate.format import PLAN_SCHEMA
from components.curate.hashing import mix
from components.curate.pictures import Pictures, Whole
from components.shards.format import shard_name

# Pictures are shuffled within pools of this many shards of the crawl: an output shard is mixed,
# and yet its task opens a bounded number of files, however large the crawl is.
POOL = 64


def arrange(pictures: Pictures, chosen: Whole, size: int, seed: int) -> list[Whole]:
    """Positions of the `chosen` pictures by shard, in each shard's order.

    Pools and order are chosen by hashes of shard numbers and of pictures' bytes. The shards of a
    pool differ by at most one picture, and hold at most `size`.
    """
    if not len(chosen):
        return []
    pool = _pools(pictures.shard[chosen], size, seed)
    hashes = mix(pictures.digest[chosen, 0], seed, "order")
    order = np.lexsort((hashes, pool))
    ends = np.flatnonzero(np.diff(pool[order])) + 1
    shards: list[Whole] = []
    for positions in np.split(chosen[order], ends):
        shards.extend(np.array_split(positions, -(-len(positions) // size)))
    return shards


def _pools(sources: Whole, size: int, seed: int) -> Whole:
    """The pool of each picture: `POOL` shards of the crawl, or more to fill an output shard."""
    numbers, source = np.unique(sources, return_inverse=True)
    count = max(1, min(-(-len(numbers) // POOL), len(sources) // size))
    pool = np.empty(len(numbers), dtype=np.int64)
    for n, members in enumerate(np.array_split(np.argsort(mix(numbers.astype(np.uint64), seed, "pool")), count)):
        pool[members] = n
    return pool[source]


def write_plan(pictures: Pictures, shards: Sequence[Whole], folder: Path) -> list[Path]:
    """One file (`PLAN_SCHEMA`) per output shard."""
    folder.mkdir(parents=True, exist_ok=True)
    paths = []
    for number, positions in enumerate(shards):
        columns = [pictures.shard[positions], pictures.row[positions], pictures.lists(positions)]
        paths.append(folder / f"{shard_name(number)}.parquet")
        pq.write_table(pa.table(columns, schema=PLAN_SCHEMA), paths[-1])
    return paths
