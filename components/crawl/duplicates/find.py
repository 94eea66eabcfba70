"""Finds duplicates among all pictures of a crawl in bounded memory.

Indexes are read in groups of shards, and a sketch of each picture is written to sorted runs. Ranges
of the runs are searched, and matches are gathered per group and followed to the first picture. Then
the indexes are rewritten. Every step is one shard map whose tasks hold about `ROWS` pictures at a
time.
"""

import logging
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from components.crawl.duplicates.mark import ShardLocation, mark_group
from components.crawl.duplicates.pointers import Group, gather_pointers, group_shards
from components.crawl.duplicates.runs import find_runs, split
from components.crawl.duplicates.search import NearThresholds, find_exact, find_near
from components.crawl.duplicates.sketch import DIGESTS, band_kind, bands_of, write_sketches
from components.crawl.parameters import CrawlParameters
from components.execution.shard_map import map_shards
from components.shards.format import EXACT, NEAR, shard_name

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 is slow to import; only uploads need it

logger = logging.getLogger(__name__)

# Pictures per task, about 100 MB at peak. The result does not depend on it.
ROWS = 125_000


def mark_duplicates(
    shards: Path, parameters: CrawlParameters, work: Path, rows: int = ROWS, bucket: "Prefix | None" = None
) -> Counter[str]:
    """Marks or drops duplicates in a folder of shards; returns counts, `exact` and `near`.

    A duplicate is a picture with the same bytes as one with a smaller key, or near to one: hashes
    and colours differ by no more than the parameters allow. It is marked with the first picture of
    its chain, which is itself no duplicate.

    Args:
        shards: folder of finished shards, modified in place.
        parameters: section `crawl`: `duplicates`, `near_bits`, `near_colours`.
        work: folder of unfinished work.
        rows: approximate number of pictures per task.
        bucket: location of the shards, if the folder has only their indexes; changed indexes are
            uploaded. Duplicates cannot be dropped there.
    """
    groups = _groups(shards, rows)
    if not groups:
        return Counter()
    bands = bands_of(parameters.near_bits)
    sketches, _ = map_shards(
        partial(write_sketches, shards, bands), groups, stage="crawl: sketches", work=work / "sketches"
    )
    exact, _ = map_shards(
        partial(find_exact, sketches),
        split(find_runs(sketches, DIGESTS), rows),
        stage="crawl: exact copies",
        work=work / "exact",
    )
    thresholds = NearThresholds(parameters.near_bits, parameters.near_colours)
    ranges = [(band, part) for band in range(bands) for part in split(find_runs(sketches, band_kind(band)), rows)]
    near, _ = map_shards(
        partial(find_near, sketches, thresholds), ranges, stage="crawl: near copies", work=work / "near"
    )
    parents, _ = map_shards(
        partial(gather_pointers, (sketches, exact, near)), groups, stage="crawl: originals", work=work / "parents"
    )
    drop = parameters.duplicates == "drop"
    task = partial(mark_group, ShardLocation(shards, bucket), drop, parents, groups)
    _, found = map_shards(task, groups, stage="crawl: copies", work=work / "marked")
    logger.info("crawl: %d exact duplicates, %d near-duplicates", found[EXACT], found[NEAR])
    return found


def _groups(shards: Path, rows: int) -> list[Group]:
    numbers = sorted(int(path.stem) for path in shards.glob("*.parquet"))
    pictures = [pq.read_metadata(shards / f"{shard_name(number)}.parquet").num_rows for number in numbers]
    return group_shards(numbers, pictures, rows)
