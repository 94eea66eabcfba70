"""The parquet index of a shard: written next to its tar, and read for all shards of a folder."""

from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.shards.format import (
    INDEX_SCHEMA,
    shard_name,
    shard_numbers,
)


def read_index(folder: Path) -> pa.Table:
    """The indexes of all shards of a folder in order, with the columns of the first one.

    Raises:
        InputError: if there is no shard, or an index is damaged or lacks a column.
    """
    tables: list[pa.Table] = []
    for number in shard_numbers(folder):
        path = folder / f"{shard_name(number)}.parquet"
        try:
            table = pq.read_table(path)
            tables.append(table.select(tables[0].column_names) if tables else table)
        except (pa.ArrowException, KeyError, OSError) as error:
            raise InputError(
                f"{path} is not an index like the others ({error}); run the stage that writes it again"
            ) from error
    return pa.concat_tables(tables, promote_options="permissive")


def write_index(path: Path, records: list[dict[str, Any]], schema: pa.Schema = INDEX_SCHEMA) -> None:
    """Writes an index; equal records give equal bytes."""
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path, compression="zstd")
