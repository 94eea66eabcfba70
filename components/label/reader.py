"""Reads the labels that the label stage writes, shard by shard."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.shards.format import shard_name, shard_numbers


def read_labels(folder: Path, number: int, columns: Sequence[str] = LABELS_SCHEMA.names) -> pa.Table:
    """Labels of one shard: columns of `LABELS_SCHEMA`, a row per picture in key order.

    Raises:
        InputError: if the file is missing, damaged or lacks a column.
    """
    path = folder / f"{shard_name(number)}.parquet"
    try:
        return pq.read_table(path, columns=list(columns)).select(columns)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run `mofi label run` again") from None
    except (pa.ArrowException, KeyError, OSError) as error:
        raise InputError(f"{path} is not a file of labels ({error}); run `mofi label run` again") from error


def label_rows(folder: Path, columns: Sequence[str] = LABELS_SCHEMA.names) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (shard number, row) of all shards in order; holds one shard at a time.

    Raises:
        InputError: if there is no shard, or as `read_labels` does.
    """
    for number in shard_numbers(folder):
        for row in read_labels(folder, number, columns).to_pylist():
            yield number, row
