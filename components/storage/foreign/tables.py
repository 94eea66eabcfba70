"""Files of tables and arrays that a user names: what cannot be used is one sentence."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq
from pyarrow.types import (
    is_binary,
    is_dictionary,
    is_fixed_size_binary,
    is_fixed_size_list,
    is_floating,
    is_integer,
    is_large_binary,
    is_large_list,
    is_large_string,
    is_list,
    is_null,
    is_string,
    is_string_view,
    is_struct,
)

from components.errors import InputError, reason, system_code

_LISTS = (is_list, is_large_list, is_fixed_size_list)
_TEXTS = (is_string, is_large_string, is_string_view)
_BINARIES = (is_binary, is_large_binary, is_fixed_size_binary)


def read_table(path: Path, wanted: pa.Schema, fix: str, filters: Any = None) -> pa.Table:
    """The columns of a schema, in its order and types, of a Parquet file, with its metadata.

    Types of one kind are alike: large or dictionary-coded strings, whole numbers of any size.

    Args:
        path: the file.
        wanted: the columns; those that are not nullable must have a value in each row.
        fix: what helps, for messages.
        filters: as `pyarrow.parquet.read_table` takes them.

    Raises:
        InputError: if the file is missing, no Parquet or damaged, lacks a column, or has one of
            another type or without a value.
    """
    with naming(path, "a Parquet table", fix):
        check_columns(path, pq.read_schema(path), wanted, fix)
        table = pq.read_table(path, columns=wanted.names, filters=filters)
        table.validate(full=True)  # Arrow itself looks at values only when they are used
        names = wanted.names
        columns = [_column(path, table[field.name], field, fix) for field in wanted]
        return pa.table(columns, names=names, metadata=table.schema.metadata)


def check_columns(path: Path, found: pa.Schema, wanted: pa.Schema, fix: str) -> None:
    """Checks that a table has columns of these names and kinds.

    Raises:
        InputError: naming the column otherwise.
    """
    missing = [name for name in wanted.names if name not in found.names]
    if missing:
        raise InputError(f"{path} has no column {', '.join(missing)}; {fix}")
    for field in wanted:
        if found.names.count(field.name) > 1:
            raise InputError(f"{path} has two columns {field.name}; {fix}")
        there = found.field(field.name).type
        if not _alike(there, field.type):
            raise InputError(f"{path}: the column {field.name} holds {there}, not {field.type}; {fix}")


def without_nulls(schema: pa.Schema) -> pa.Schema:
    """The same columns, each with a value in each row."""
    return pa.schema([field.with_nullable(False) for field in schema])


def columns_of(schema: pa.Schema, names: Sequence[str]) -> pa.Schema:
    """These columns of a schema, in this order."""
    return pa.schema([schema.field(name) for name in names])


def read_array(path: Path, kind: str, dimensions: int, fix: str, *, mapped: bool = False) -> npt.NDArray[Any]:
    """A NumPy file's array.

    Args:
        path: the file.
        kind: letters of NumPy's kinds that it may have: `i` and `u` whole numbers, `f` fractions,
            `V` records.
        dimensions: of the array.
        fix: what helps, for messages.
        mapped: whether it is memory-mapped, else read.

    Raises:
        InputError: if the file is missing, no array or cut off, or another kind of array.
    """
    with naming(path, "an array", fix):
        if not path.stat().st_size:
            raise InputError(f"{path} is empty; {fix}")
        array: npt.NDArray[Any] = np.load(path, mmap_mode="r" if mapped else None, allow_pickle=False)
    if not isinstance(array, np.ndarray) or array.dtype.kind not in kind or array.ndim != dimensions:
        what = f"{array.dtype} of {array.ndim} dimensions" if isinstance(array, np.ndarray) else "an archive"
        raise InputError(f"{path} holds {what}, which is another array than is needed; {fix}")
    return array


@contextmanager
def naming(path: Path, what: str, fix: str) -> Iterator[None]:
    """Errors of libraries that read `path` name it.

    Raises:
        InputError: if the file is missing, cannot be read, or is not `what`.
    """
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} is missing; {fix}") from None
    except (pa.ArrowException, OSError, ValueError, EOFError, SyntaxError) as error:
        # A damaged file's OSError is Arrow's, without a number of the system.
        if isinstance(error, OSError) and system_code(error) is not None:
            raise InputError(f"{path} cannot be read ({reason(error)}); {fix}") from error
        raise InputError(f"{path} is not {what}, or damaged ({_short(error)}); {fix}") from error


def _short(error: Exception) -> str:
    first = (str(error) or type(error).__name__).splitlines()[0]
    return first if len(first) <= 160 else f"{first[:159]}…"


def _column(path: Path, column: pa.ChunkedArray, field: pa.Field, fix: str) -> pa.ChunkedArray:
    if not field.nullable and column.null_count:
        row = column.is_null().to_pylist().index(True)
        raise InputError(f"{path}: row {row} has no {field.name}; {fix}")
    return column.cast(field.type)


def _alike(there: pa.DataType, wanted: pa.DataType) -> bool:
    """Whether values of one type are cast to the other without a change of meaning."""
    if is_dictionary(there):
        there = there.value_type
    if is_null(there) or is_null(wanted) or there == wanted:
        return True
    if _is_any(wanted, _LISTS):
        return _is_any(there, _LISTS) and _alike(there.value_type, wanted.value_type)
    if is_struct(wanted):
        return bool(is_struct(there)) and all(
            there.get_field_index(field.name) >= 0 and _alike(there.field(field.name).type, field.type)
            for field in wanted
        )
    if is_floating(wanted):
        return _is_any(there, (is_floating, is_integer))
    return any(_is_any(there, kinds) and _is_any(wanted, kinds) for kinds in (_TEXTS, _BINARIES, (is_integer,)))


def _is_any(kind: pa.DataType, tests: Sequence[Callable[[pa.DataType], bool]]) -> bool:
    return any(test(kind) for test in tests)
