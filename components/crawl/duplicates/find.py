"""Copies among all pictures of a crawl, found in memory that does not grow with it.

Indexes are read in groups of shards, and what is compared of each picture is written in sorted runs; ranges of them are searched;
what was found is gathered for each group and followed to the first picture of all; and the indexes are rewritten. Every step is
one map of the executor whose tasks hold some `ROWS` pictures at a time.
"""

import logging
from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

import pyarrow.parquet as pq

from components.crawl.duplicates.mark import Place, mark_group
from components.crawl.duplicates.pointers import Group, gather_pointers, group_shards
from components.crawl.duplicates.runs import find_runs, split
from components.crawl.duplicates.search import Nearness, find_exact, find_near
from components.crawl.duplicates.sketch import DIGESTS, band_kind, bands_of, write_sketches
from components.crawl.parameters import CrawlParameters
from components.execution.shard_map import map_shards
from components.shards.format import EXACT, NEAR, shard_name

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 takes its time and memory, which only uploads are to cost

logger = logging.getLogger(__name__)

# Pictures that a task holds, about: some 100 MB at its fullest. The result does not depend on it.
ROWS = 125_000


def mark_duplicates(
    shards: Path, parameters: CrawlParameters, work: Path, rows: int = ROWS, bucket: "Prefix | None" = None
) -> Counter[str]:
    """Marks copies in the indexes of a folder's shards, or takes them out; returns how many there are, `exact` and `near`.

    A copy is a picture with the bytes of one with a smaller key, or near to one: hashes and colours differ by no more than the
    parameters say. It is marked with the first picture of all that the way from copy to original leads to, which is itself no copy.

    Args:
        shards: folder of finished shards, changed in place.
        parameters: section `crawl`: `duplicates`, `near_bits`, `near_colours`.
        work: folder that remembers what is done.
        rows: pictures that a task holds, about.
        bucket: where the shards are, if not in the folder, which then has their indexes; changed ones are uploaded. Nothing can be
            taken out there.
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
    nearness = Nearness(parameters.near_bits, parameters.near_colours)
    ranges = [(band, part) for band in range(bands) for part in split(find_runs(sketches, band_kind(band)), rows)]
    near, _ = map_shards(partial(find_near, sketches, nearness), ranges, stage="crawl: near copies", work=work / "near")
    parents, _ = map_shards(
        partial(gather_pointers, (sketches, exact, near)), groups, stage="crawl: originals", work=work / "parents"
    )
    drop = parameters.duplicates == "drop"
    task = partial(mark_group, Place(shards, bucket), drop, parents, groups)
    _, found = map_shards(task, groups, stage="crawl: copies", work=work / "marked")
    logger.info("crawl: %d pictures repeat an earlier one exactly, %d nearly", found[EXACT], found[NEAR])
    return found


def _groups(shards: Path, rows: int) -> list[Group]:
    numbers = sorted(int(path.stem) for path in shards.glob("*.parquet"))
    pictures = [pq.read_metadata(shards / f"{shard_name(number)}.parquet").num_rows for number in numbers]
    return group_shards(numbers, pictures, rows)
