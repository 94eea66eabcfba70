"""Files of pairs: parquet, sorted by page and position."""

from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from components.crawl.pair import Pair

PAIRS_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("caption", pa.string()),
        ("context", pa.string()),
        ("page_url", pa.string()),
        ("page_title", pa.string()),
        ("page_language", pa.string()),
        ("site", pa.string()),
        ("position", pa.int32()),
    ]
)

_BATCH = 10_000


def write_pairs(path: Path, pairs: Iterable[Pair]) -> int:
    """Writes pairs to parquet, sorted by page and position; returns how many."""
    rows = [p._asdict() for p in sorted(pairs, key=lambda p: (p.page_url, p.position, p.url))]
    pq.write_table(pa.Table.from_pylist(rows, PAIRS_SCHEMA), path, compression="zstd")
    return len(rows)


def _batches(pairs: Iterable[Pair]) -> Iterator[list[Pair]]:
    ahead = iter(pairs)
    while batch := list(islice(ahead, _BATCH)):
        yield batch


def write_batches(path: Path, pairs: Iterable[Pair]) -> int:
    """Writes pairs to parquet in their own order, a batch in memory at a time; returns how many."""
    number = 0
    with pq.ParquetWriter(path, PAIRS_SCHEMA, compression="zstd") as writer:
        for batch in _batches(pairs):
            columns = [
                pa.array(column, field.type)
                for column, field in zip(zip(*batch, strict=True), PAIRS_SCHEMA, strict=True)
            ]
            writer.write_batch(pa.record_batch(columns, schema=PAIRS_SCHEMA))
            number += len(batch)
    return number


def read_pairs(path: Path, first: int = 0, number: int | None = None) -> list[Pair]:
    """`number` pairs of a file from row `first` on; all by default."""
    return [Pair(**row) for row in pq.read_table(path).slice(first, number).to_pylist()]
