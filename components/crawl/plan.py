"""Plans the download: pairs → parts with whole hosts, unique pictures and no boilerplate."""

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
    """A part of the crawl: its file of pairs, and its shards of `shard_size` pairs each."""

    pairs: Path
    pictures: int
    first_shard: int
    shards: int


@dataclass(frozen=True)
class Plan:
    """All non-empty parts, and the number of dropped pairs by reason."""

    parts: tuple[Part, ...]
    dropped: Counter[str]

    @property
    def pictures(self) -> int:
        """The pictures of all parts."""
        return sum(part.pictures for part in self.parts)

    @property
    def shards(self) -> int:
        """The shards of all parts."""
        return sum(part.shards for part in self.parts)


def make_plan(files: Sequence[Path], parameters: CrawlParameters, work: Path) -> Plan:
    """Groups pairs by host into parts of about `part_pairs`, with one part in memory at a time.

    Of several pairs with one picture URL the first by (page, position) is kept; pairs with a page
    come before those without. A text that more than `max_repeats` pictures of a site share drops
    all of them. Pairs are sorted by a hash of their URL, which spreads each host evenly over the
    part, so that no host delays the others for long.
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
    files: Sequence[Path], max_repeats: int, shard_size: int, hashes: tuple[int, int], number: int, out: Path
) -> Outcome:
    table = read_hosts(files, *hashes)
    unique = _first_of_each(table)
    kept = _without_boilerplate(unique, max_repeats)
    # One row group per shard, so that its download reads only its own pairs.
    pq.write_table(_by_address_hash(kept), out / f"{number:05d}.parquet", compression="zstd", row_group_size=shard_size)
    dropped = {_DUPLICATE: len(table) - len(unique), _BOILERPLATE: len(unique) - len(kept)}
    return Outcome({f"{DROPPED}{reason}": n for reason, n in dropped.items() if n}, attempted=len(table))


def _first_of_each(table: pa.Table) -> pa.Table:
    """One pair per picture URL."""
    without_page = pc.equal(table["page_url"], "")
    order = [
        ("without_page", "ascending"),
        ("page_url", "ascending"),
        ("position", "ascending"),
        ("caption", "ascending"),
    ]
    ordered = (
        table.append_column("without_page", without_page)
        .sort_by([*order, ("url", "ascending")])
        .drop_columns("without_page")
    )
    numbered = ordered.append_column("row", pa.array(range(len(ordered)), pa.int64()))
    first = numbered.group_by("url").aggregate([("row", "min")])["row_min"]
    return ordered.take(pc.take(first, pc.sort_indices(first)))


def _without_boilerplate(table: pa.Table, max_repeats: int) -> pa.Table:
    """Pairs whose text at most `max_repeats` pictures of their site share."""
    counts = table.group_by(["site", "caption"]).aggregate([([], "count_all")])
    frequent = counts.filter(pc.and_(pc.greater(counts["count_all"], max_repeats), pc.not_equal(counts["site"], "")))
    if not len(frequent):
        return table
    repeated = set(zip(frequent["site"].to_pylist(), frequent["caption"].to_pylist(), strict=True))
    pairs = zip(table["site"].to_pylist(), table["caption"].to_pylist(), strict=True)
    return table.filter(pa.array([pair not in repeated for pair in pairs]))


def _by_address_hash(table: pa.Table) -> pa.Table:
    hashes = pa.array([blake2b(url.encode(), digest_size=8).digest() for url in table["url"].to_pylist()], pa.binary(8))
    ordered = table.append_column("hash", hashes).sort_by([("hash", "ascending"), ("url", "ascending")])
    return ordered.drop_columns("hash")
