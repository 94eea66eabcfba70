"""Files of pairs: parquet, sorted in chunks by a hash of the host for range reads."""

from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, islice
from pathlib import Path
from typing import TypeVar
from zlib import crc32

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.crawl.address import site_of
from components.crawl.pair import Pair

_T = TypeVar("_T")
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
# Pairs that are Python objects at a time, that are sorted together, and in one row group.
_BATCH, _SORTED, _GROUP = 5_000, 100_000, 10_000
# Fewer are sorted together if their texts are long; 100,000 usual pairs have half of this.
_SORTED_BYTES = 100_000_000


def host_hash(url: str) -> int:
    """A hash below `HASHES`, equal for all URLs of a host, with or without `www.`."""
    return crc32(site_of(url).encode())


def write_pairs(path: Path, pairs: Iterable[Pair]) -> int:
    """Writes pairs in bounded memory; returns how many."""
    number = 0
    with pq.ParquetWriter(path, PAIRS_SCHEMA, compression="zstd") as writer:
        for stretch in _stretches(_table(batch) for batch in _batches(pairs, _BATCH)):
            table = pa.concat_tables(stretch)
            writer.write_table(table.sort_by("host_hash"), row_group_size=_GROUP)
            number += len(table)
    return number


def _table(pairs: Sequence[Pair]) -> pa.Table:
    """Pairs as columns, which take a fifth of the memory."""
    columns = [list(column) for column in zip(*pairs, strict=True)]
    columns.append([host_hash(pair.url) for pair in pairs])
    arrays = [pa.array(column, field.type) for column, field in zip(columns, PAIRS_SCHEMA, strict=True)]
    return pa.Table.from_arrays(arrays, schema=PAIRS_SCHEMA)


def _batches(items: Iterable[_T], number: int) -> Iterator[list[_T]]:
    iterator = iter(items)
    while batch := list(islice(iterator, number)):
        yield batch


def _stretches(tables: Iterable[pa.Table]) -> Iterator[list[pa.Table]]:
    """Tables that are sorted together, up to `_SORTED` pairs and about `_SORTED_BYTES`."""
    stretch: list[pa.Table] = []
    size = 0
    for table in tables:
        stretch.append(table)
        size += table.nbytes
        if len(stretch) == _SORTED // _BATCH or size > _SORTED_BYTES:
            yield stretch
            stretch, size = [], 0
    if stretch:
        yield stretch


def count_pairs(files: Iterable[Path]) -> int:
    """The number of pairs in all files."""
    return sum(pq.read_metadata(file).num_rows for file in files)


def read_hosts(files: Iterable[Path], first: int, end: int) -> pa.Table:
    """The pairs of hosts whose hash lies in [`first`, `end`), in file order."""
    tables = [part for file in files for part in _read_range(file, first, end)]
    return pa.concat_tables(tables) if tables else PAIRS_SCHEMA.empty_table()


def _read_range(path: Path, first: int, end: int) -> Iterator[pa.Table]:
    """One row group at a time: a dataset reader would prefetch many."""
    column = PAIRS_SCHEMA.get_field_index("host_hash")
    with pq.ParquetFile(path) as file:
        for group in range(file.num_row_groups):
            found = file.metadata.row_group(group).column(column).statistics
            if found.min < end and found.max >= first:
                table = file.read_row_group(group, use_threads=False)
                hashes = table["host_hash"]
                yield table.filter(pc.and_(pc.greater_equal(hashes, first), pc.less(hashes, end)))


def read_pairs(path: Path, first: int = 0, number: int | None = None) -> list[Pair]:
    """Reads `number` pairs from row `first` on, by default all."""
    with pq.ParquetFile(path) as file:
        sizes = [file.metadata.row_group(group).num_rows for group in range(file.num_row_groups)]
        ends = list(accumulate(sizes))
        last = sum(sizes) if number is None else first + number
        groups = [n for n, end in enumerate(ends) if end > first and end - sizes[n] < last]
        table = file.read_row_groups(groups, columns=[name for name, _ in _COLUMNS])
    offset = first - (ends[groups[0]] - sizes[groups[0]]) if groups else 0
    return [Pair(**row) for row in table.slice(offset, number).to_pylist()]
