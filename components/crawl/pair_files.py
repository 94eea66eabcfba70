"""Files of pairs: parquet, with a hash of each pair's host, ordered by it in stretches, so that ranges of hosts read quickly."""

from collections.abc import Iterable, Iterator
from itertools import accumulate, islice
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
PAIRS_SCHEMA = pa.schema([*_COLUMNS, ("host_hash", pa.int64())])
HASHES = 1 << 32
# Pairs that are held in memory while they are written, and in one row group of which a reader takes all or nothing.
_BATCH, _GROUP = 100_000, 10_000


def host_hash(url: str) -> int:
    """A number below `HASHES`, the same for all addresses of a host, with and without `www.`."""
    return crc32(site_of(url).encode())


def write_pairs(path: Path, pairs: Iterable[Pair]) -> int:
    """Writes pairs; returns how many. Memory does not grow with their number."""
    number = 0
    with pq.ParquetWriter(path, PAIRS_SCHEMA, compression="zstd") as writer:
        for batch in _batches(pairs):
            columns = [list(column) for column in zip(*batch, strict=True)]
            columns.append([host_hash(pair.url) for pair in batch])
            arrays = [pa.array(column, field.type) for column, field in zip(columns, PAIRS_SCHEMA, strict=True)]
            table = pa.Table.from_arrays(arrays, schema=PAIRS_SCHEMA)
            writer.write_table(table.sort_by("host_hash"), row_group_size=_GROUP)
            number += len(batch)
    return number


def _batches(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    ahead = iter(pairs)
    while batch := list(islice(ahead, _BATCH)):
        yield batch


def count_pairs(files: Iterable[Path]) -> int:
    """The pairs of all files."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def read_hosts(files: Iterable[Path], first: int, end: int) -> pa.Table:
    """The pairs of all hosts whose hash is at least `first` and below `end`, in the order of the files."""
    chosen = [("host_hash", ">=", first), ("host_hash", "<", end)]
    tables = [pq.read_table(file, filters=chosen, schema=PAIRS_SCHEMA) for file in files]
    return pa.concat_tables(tables) if tables else PAIRS_SCHEMA.empty_table()


def read_pairs(path: Path, first: int = 0, number: int | None = None) -> list[Pair]:
    """`number` pairs of a file from row `first` on; all by default. Row groups without any of them are not read."""
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        ends = list(accumulate(sizes))
        last = sum(sizes) if number is None else first + number
        groups = [n for n, end in enumerate(ends) if end > first and end - sizes[n] < last]
        table = file.read_row_groups(groups, columns=[name for name, _ in _COLUMNS])
    begin = first - (ends[groups[0]] - sizes[groups[0]]) if groups else 0
    return [Pair(**row) for row in table.slice(begin, number).to_pylist()]
