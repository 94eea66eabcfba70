"""Pairs of all sources → what is downloaded: every picture once, in parts that share no host."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.crawl.counts import DROPPED
from components.crawl.pair_files import HASHES, count_pairs, read_hosts
from components.crawl.pair_filters import keep_of_part, part_filters
from components.crawl.parameters import CrawlParameters
from components.execution.shard_map import Outcome, map_shards


@dataclass(frozen=True)
class Part:
    """A part of the crawl: its file of pairs, and the shards that they go to, `shard_size` pairs
    each, in order."""

    pairs: Path
    pictures: int
    first_shard: int
    shards: int


@dataclass(frozen=True)
class Plan:
    """All parts that have pictures, and how many pairs were dropped, by reason."""

    parts: tuple[Part, ...]
    dropped: Counter[str]

    @property
    def pictures(self) -> int:
        """Over all parts."""
        return sum(part.pictures for part in self.parts)

    @property
    def shards(self) -> int:
        """Over all parts."""
        return sum(part.shards for part in self.parts)


def make_plan(files: Sequence[Path], parameters: CrawlParameters, work: Path) -> Plan:
    """Gathers the files of pairs by host into parts of some `part_pairs`, a part in memory at a
    time.

    The pairs that the part filters keep are ordered by a hash of the address, which spreads each
    host's pictures evenly over the part: no host holds up the others for long.
    """
    number_of_parts = -(-count_pairs(files) // parameters.part_pairs)
    task = partial(_gather, files, parameters)
    bounds = [HASHES * n // number_of_parts for n in range(number_of_parts + 1)] if number_of_parts else []
    finished, dropped = map_shards(task, list(pairwise(bounds)), stage="crawl: plan", work=work)
    parts = []
    shard = 0
    for number in range(number_of_parts):
        path = finished / f"{number:05d}.parquet"
        pictures = pq.read_metadata(path).num_rows
        if pictures:
            shards = -(-pictures // parameters.shard_size)
            parts.append(Part(path, pictures, shard, shards))
            shard += shards
    return Plan(tuple(parts), dropped)


def _gather(
    files: Sequence[Path], parameters: CrawlParameters, hashes: tuple[int, int], number: int, out: Path
) -> Outcome:
    table = read_hosts(files, *hashes)
    kept, dropped = keep_of_part(table, part_filters(parameters))
    # A shard's pairs are a row group, so that its download reads no more than them.
    path, size = out / f"{number:05d}.parquet", parameters.shard_size
    pq.write_table(_spread(kept), path, compression="zstd", row_group_size=size)
    return Outcome({f"{DROPPED}{reason}": n for reason, n in dropped.items() if n}, attempted=len(table))


def _spread(table: pa.Table) -> pa.Table:
    hashes = pa.array([blake2b(url.encode(), digest_size=8).digest() for url in table["url"].to_pylist()], pa.binary(8))
    spread = table.append_column("hash", hashes).sort_by([("hash", "ascending"), ("url", "ascending")])
    return spread.drop_columns("hash")
