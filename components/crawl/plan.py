"""Pairs of all sources → what is downloaded: every picture once, without boilerplate, in parts that hosts are not split over."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import blake2b
from itertools import pairwise
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.crawl.counts import DROPPED
from components.crawl.pair_files import HASHES, count_pairs, read_hosts
from components.crawl.parameters import CrawlParameters
from components.execution.shard_map import Outcome, map_shards

_DUPLICATE, _BOILERPLATE = "duplicate_address", "boilerplate"


@dataclass(frozen=True)
class Part:
    """A part of the crawl: its file of pairs, and the shards that they go to, `shard_size` pairs each, in order."""

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
    """Gathers the files of pairs by host into parts of some `part_pairs`, a part in memory at a time.

    Of several pairs with one picture address the first by (page, position) stays, one of a page before one without. Of the pictures
    of one site that share a text, all go if they are more than `max_repeats`. The rest is ordered by a hash of the address,
    which spreads each host's pictures evenly over the part: no host holds up the others for long.
    """
    number_of_parts = -(-count_pairs(files) // parameters.part_pairs)
    task = partial(_gather, files, parameters.max_repeats, parameters.shard_size)
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
    files: Sequence[Path], most: int, shard_size: int, hashes: tuple[int, int], number: int, out: Path
) -> Outcome:
    table = read_hosts(files, *hashes)
    unique = _first_of_each(table)
    kept = _without_boilerplate(unique, most)
    # A shard's pairs are a row group, so that its download reads no more than them.
    pq.write_table(_spread(kept), out / f"{number:05d}.parquet", compression="zstd", row_group_size=shard_size)
    dropped = {_DUPLICATE: len(table) - len(unique), _BOILERPLATE: len(unique) - len(kept)}
    return Outcome({f"{DROPPED}{reason}": n for reason, n in dropped.items() if n}, attempted=len(table))


def _first_of_each(table: pa.Table) -> pa.Table:
    """One pair per picture address."""
    homeless = pc.equal(table["page_url"], "")
    order = [("homeless", "ascending"), ("page_url", "ascending"), ("position", "ascending"), ("caption", "ascending")]
    ordered = table.append_column("homeless", homeless).sort_by([*order, ("url", "ascending")]).drop_columns("homeless")
    numbered = ordered.append_column("row", pa.array(range(len(ordered)), pa.int64()))
    first = numbered.group_by("url").aggregate([("row", "min")])["row_min"]
    return ordered.take(pc.take(first, pc.sort_indices(first)))


def _without_boilerplate(table: pa.Table, most: int) -> pa.Table:
    """Pairs whose text at most so many pictures of their site share; lists, which know no sites, have none."""
    counts = table.group_by(["site", "caption"]).aggregate([([], "count_all")])
    often = counts.filter(pc.and_(pc.greater(counts["count_all"], most), pc.not_equal(counts["site"], "")))
    if not len(often):
        return table
    repeated = set(zip(often["site"].to_pylist(), often["caption"].to_pylist(), strict=True))
    pairs = zip(table["site"].to_pylist(), table["caption"].to_pylist(), strict=True)
    return table.filter(pa.array([pair not in repeated for pair in pairs]))


def _spread(table: pa.Table) -> pa.Table:
    hashes = pa.array([blake2b(url.encode(), digest_size=8).digest() for url in table["url"].to_pylist()], pa.binary(8))
    spread = table.append_column("hash", hashes).sort_by([("hash", "ascending"), ("url", "ascending")])
    return spread.drop_columns("hash")
