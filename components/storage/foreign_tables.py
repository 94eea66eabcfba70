"""Parquet files that others wrote, or that were damaged: their values have the types they say."""

from collections.abc import Sequence
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq


def read_table(path: Path, columns: Sequence[str] | None = None) -> pa.Table:
    """The columns of a file; arrow itself looks at values only when they are used.

    Raises:
        pa.ArrowException, OSError: if the file is damaged, or has text that is not UTF-8.
        KeyError: if it lacks columns, or has one twice.
    """
    try:
        names = pq.read_schema(path).names
        if missing := [name for name in columns or () if name not in names]:
            raise KeyError(", ".join(missing))
        table = pq.read_table(path, columns=None if columns is None else list(columns))
    except UnicodeDecodeError as error:
        raise pa.ArrowInvalid(f"a column's name is not UTF-8: {error}") from error
    table.validate(full=True)
    return table if columns is None else table.select(columns)
