"""Files of pairs: parquet, with the part of the crawl that each pair belongs to, ordered by it in stretches."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from zlib import crc32

import pyarrow as pa
import pyarrow.parquet as pq

from components.crawl.address import site_of
from components.crawl.pair import Pair

_COLUMNS = [
    ("url", pa.string()),
    ("caption", pa.string()),
    ("context", pa.string()),
    ("page_url", pa.string()),
    ("page_title", pa.string()),
    ("page_language", pa.string()),
    ("site", pa.string()),
    ("position", pa.int32()),
]
PAIRS_SCHEMA = pa.schema([*_COLUMNS, ("part", pa.int32())])
# Pairs that are held in memory while they are written, and in one row group of which a reader takes all or nothing.
_BATCH, _GROUP = 100_000, 10_000


def part_of(url: str, parts: int) -> int:
    """Which part of the crawl downloads a picture: by its host, so that a host is asked by one process only."""
    return crc32(site_of(url).encode()) % parts


def write_pairs(path: Path, pairs: Iterable[Pair], parts: int) -> int:
    """Writes pairs of a crawl of so many parts; returns how many. Memory does not grow with their number."""
    number = 0
    with pq.ParquetWriter(path, PAIRS_SCHEMA, compression="zstd") as writer:
        for batch in _batches(pairs):
            columns = [list(column) for column in zip(*batch, strict=True)]
            columns.append([part_of(pair.url, parts) for pair in batch])
            arrays = [pa.array(column, field.type) for column, field in zip(columns, PAIRS_SCHEMA, strict=True)]
            table = pa.Table.from_arrays(arrays, schema=PAIRS_SCHEMA)
            writer.write_table(table.sort_by("part"), row_group_size=_GROUP)
            number += len(batch)
    return number


def _batches(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    ahead = iter(pairs)
    while batch := list(islice(ahead, _BATCH)):
        yield batch


def read_part(files: Iterable[Path], part: int) -> pa.Table:
    """All pairs of one part, in the order of the files."""
    tables = [pq.read_table(file, filters=[("part", "=", part)], schema=PAIRS_SCHEMA) for file in files]
    return pa.concat_tables(tables) if tables else PAIRS_SCHEMA.empty_table()


def read_pairs(path: Path, first: int = 0, number: int | None = None) -> list[Pair]:
    """`number` pairs of a file from row `first` on; all by default."""
    table = pq.read_table(path, columns=[name for name, _ in _COLUMNS]).slice(first, number)
    return [Pair(**row) for row in table.to_pylist()]
