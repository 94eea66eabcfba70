"""Writes duplicates into the indexes of shards, or drops them from the shards."""

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import pyarrow.parquet as pq

from components.crawl.duplicates.pointers import PARENTS, Group, Keys, Parents
from components.crawl.duplicates.runs import Range, find_runs, read_range
from components.execution.shard_map import Outcome
from components.shards.format import EXACT, FAILED_TO_RESIZE, NEAR, PICTURES, SUCCESS, shard_name
from components.shards.index import write_index
from components.shards.reader import read_shard
from components.shards.writer import Row, write_shard

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 is slow to import; only uploads need it

_DIGITS = 9


@dataclass(frozen=True)
class Copy:
    """A duplicate: the key of its original, and its kind, exact or near."""

    key: str
    kind: str


@dataclass(frozen=True)
class ShardLocation:
    """Where the shards are: in a folder, or in a bucket with their indexes in the folder."""

    folder: Path
    bucket: "Prefix | None" = None


def mark_group(
    location: ShardLocation, drop: bool, parents: Path, groups: Sequence[Group], group: Group, number: int, out: Path
) -> Outcome:
    """Marks or drops the duplicates of a group of shards; counts them by kind.

    A shard is replaced as a whole and the operation is idempotent, so a kill at any time is safe.
    """
    shards = location.folder
    copies = _copies(parents, groups, number)
    for shard in sorted({int(key) // PICTURES for key in copies}):
        if drop:
            write_shard(out, shard, _without(shards, shard, copies))
        else:
            write_index(out / f"{shard_name(shard)}.parquet", list(_marked(shards, shard, copies)))
        # The index last: until then every picture that it lists is in the old tar or, if it is
        # kept, in the new one.
        for ending in (".tar", "_stats.json", ".parquet"):
            made = out / f"{shard_name(shard)}{ending}"
            if made.exists():
                if location.bucket is not None:
                    location.bucket.put(made, made.name)
                made.replace(shards / made.name)
    return Outcome(Counter(copy.kind for copy in copies.values()))


def _copies(parents: Path, groups: Sequence[Group], number: int) -> dict[str, Copy]:
    """The duplicates of a group, by key."""
    runs = [run for run in find_runs(parents, PARENTS) if run.name.startswith(f"{number:05d}.")]
    if not runs:
        return {}
    keys: Keys = read_range(runs, Range())[0].astype(np.int64)
    found = Parents(parents, groups)
    roots = found.roots(keys)
    kinds = np.where(found.first_equals(keys) == roots, EXACT, NEAR)
    rows = zip(keys.tolist(), roots.tolist(), kinds.tolist(), strict=True)
    return {f"{key:0{_DIGITS}d}": Copy(f"{root:0{_DIGITS}d}", kind) for key, root, kind in rows}


def _marked(shards: Path, shard: int, copies: Mapping[str, Copy]) -> Iterator[dict[str, Any]]:
    """The records of a shard with duplicates marked."""
    for record in pq.read_table(shards / f"{shard_name(shard)}.parquet").to_pylist():
        copy = copies.get(record["key"])
        marks = {} if copy is None else {"duplicate_of": copy.key, "duplicate_kind": copy.kind}
        yield record | marks


def _without(shards: Path, shard: int, copies: Mapping[str, Copy]) -> Iterator[Row]:
    """The rows of a shard without the pictures of duplicates, one picture in memory at a time."""
    pictures = read_shard(shards / f"{shard_name(shard)}.tar")
    for record in _marked(shards, shard, copies):
        if copy := copies.get(record["key"]):
            yield Row(record | {"status": FAILED_TO_RESIZE, "error_message": f"duplicate_{copy.kind}"})
        elif record["status"] == SUCCESS:
            picture = next(p for p in pictures if p.key == record["key"])
            yield Row(record, picture.image, picture.extension)
        else:
            yield Row(record)
