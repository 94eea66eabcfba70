"""The parquet index of a shard: written next to its tar, and read for all shards of a folder."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.shards.format import ENTITIES_FIELD, INDEX_SCHEMA, shard_name, shard_numbers
from components.storage.foreign.tables import check_columns, columns_of, naming, read_table

FIX = "run the stage that writes it again"
# A picture has a key and a status in each index; all else may be unknown.
_NEEDED = pa.schema(
    [field.with_nullable(field.name not in ("key", "status")) for field in INDEX_SCHEMA.append(ENTITIES_FIELD)]
)


def read_index(folder: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The indexes of all shards of a folder in order.

    Args:
        folder: of the shards.
        columns: of `INDEX_SCHEMA` or `LABELLED_INDEX_SCHEMA`; None = those of the first shard.

    Raises:
        InputError: if there is no shard, or an index is damaged or lacks a column.
    """
    paths = [folder / f"{shard_name(number)}.parquet" for number in shard_numbers(folder)]
    if columns is not None:
        return pa.concat_tables(read_shard_index(path, columns) for path in paths)
    tables: list[pa.Table] = []
    for path in paths:
        with naming(path, "an index like the others", FIX):
            table = pq.read_table(path)
            table.validate(full=True)
            if tables:
                check_columns(path, table.schema, tables[0].schema, FIX)
            tables.append(table.select(tables[0].column_names) if tables else table)
    return pa.concat_tables(tables, promote_options="permissive")


def read_shard_index(
    path: Path, columns: Sequence[str], *, optional: Sequence[str] = (), filters: Any = None
) -> pa.Table:
    """As `read_index`, of one shard.

    Args:
        path: the index.
        columns: that it must have.
        optional: columns that are null where it has none.
        filters: as `read_table` takes them.

    Raises:
        InputError: if the index is missing, damaged or lacks a column.
    """
    if optional:
        with naming(path, "an index of pictures", FIX):
            there = set(pq.read_schema(path).names)
        columns = [*columns, *(name for name in optional if name in there)]
    table = read_table(path, columns_of(_NEEDED, columns), FIX, filters)
    for name in optional:
        if name not in columns:
            table = table.append_column(_NEEDED.field(name), pa.nulls(len(table), _NEEDED.field(name).type))
    return table


def write_index(path: Path, records: list[dict[str, Any]], schema: pa.Schema = INDEX_SCHEMA) -> None:
    """Writes an index; equal records give equal bytes."""
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path, compression="zstd")
