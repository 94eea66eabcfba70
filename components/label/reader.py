"""Reads the labels that the label stage writes, shard by shard."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.label.format import LABELS_SCHEMA
from components.shards.format import shard_name, shard_numbers
from components.storage.tables import columns_of, read_table, without_nulls

_NEEDED = without_nulls(LABELS_SCHEMA)


def read_labels(folder: Path, number: int, columns: Sequence[str] = LABELS_SCHEMA.names) -> pa.Table:
    """Labels of one shard: columns of `LABELS_SCHEMA`, a row per picture in key order.

    Raises:
        InputError: if the file is missing, damaged or no file of labels.
    """
    return read_table(
        folder / f"{shard_name(number)}.parquet", columns_of(_NEEDED, columns), "run `mofi label run` again"
    )


def label_rows(folder: Path, columns: Sequence[str] = LABELS_SCHEMA.names) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (shard number, row) of all shards in order; holds one shard at a time.

    Raises:
        InputError: if there is no shard, or as `read_labels` does.
    """
    for number in shard_numbers(folder):
        for row in read_labels(folder, number, columns).to_pylist():
            yield number, row
