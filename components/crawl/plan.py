"""Pairs of all sources → what is downloaded: every picture once, by host, with the numbers of the shards it goes to."""

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.crawl.address import site_of
from components.crawl.pair_files import PAIRS_SCHEMA

_PLAN = "plan"


@dataclass(frozen=True)
class HostShare:
    """One host's pictures: a file of pairs, and the shards that they go to, `shard_size` pairs each, in order."""

    host: str
    pairs: Path
    pictures: int
    first_shard: int
    shards: int


@dataclass(frozen=True)
class Plan:
    """All hosts, sorted, and how many pairs were dropped because their picture had been seen before."""

    hosts: tuple[HostShare, ...]
    duplicates: int

    @property
    def pictures(self) -> int:
        """Over all hosts."""
        return sum(host.pictures for host in self.hosts)

    @property
    def shards(self) -> int:
        """Over all hosts."""
        return sum(host.shards for host in self.hosts)


def make_plan(files: Sequence[Path], shard_size: int, work: Path) -> Plan:
    """Joins the files of pairs; of several pairs with one picture address the first by (page, position) stays.

    A host is taken whole, by one task, so that its limits hold exactly. Written anew on every call: it depends on the pairs alone.
    """
    folder = work / _PLAN
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    table = pa.concat_tables([pq.read_table(file) for file in files]) if files else PAIRS_SCHEMA.empty_table()
    table = table.sort_by([("page_url", "ascending"), ("position", "ascending"), ("url", "ascending")])
    numbered = table.append_column("row", pa.array(range(len(table)), pa.int64()))
    first = numbered.group_by("url").aggregate([("row", "min")])["row_min"]
    unique = table.take(pc.take(first, pc.sort_indices(first)))
    shares = []
    shard = 0
    by_host: dict[str, list[int]] = {}
    for row, url in enumerate(unique["url"].to_pylist()):
        by_host.setdefault(site_of(url), []).append(row)
    for number, (host, rows) in enumerate(sorted(by_host.items())):
        path = folder / f"{number:05d}.parquet"
        pq.write_table(unique.take(rows), path, compression="zstd")
        shards = -(-len(rows) // shard_size)
        shares.append(HostShare(host, path, len(rows), shard, shards))
        shard += shards
    return Plan(tuple(shares), len(table) - len(unique))
