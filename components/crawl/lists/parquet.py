"""Rows of parquet files, in bounded memory."""

import io
from collections.abc import Iterable, Iterator
from itertools import repeat
from typing import Any, BinaryIO

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pyarrow.types as pt

from components.crawl.cleaning import ALTERNATIVES
from components.crawl.lists.columns import Wanted, find_columns
from components.crawl.lists.parquet_pages import Chunk, chunks_of, weigh
from components.crawl.lists.row import Row
from components.crawl.lists.unpack import Bomb, most_bytes
from components.crawl.unreadable import Unreadable
from components.errors import InputError

_FOOTER = 4 << 20
_MOST_COLUMNS = 100_000
_BUFFER = 1 << 20
# Bytes of values that are taken from a dictionary together.
_DECODED = 16 << 20
# Characters of a value that are looked at: more than any text may have.
_LONGEST = 1 << 19


def parquet_rows(stream: BinaryIO, wanted: Wanted) -> Iterator[Row]:
    """The rows of a file; what is damaged or unpacks to too much costs its row group only.

    Raises:
        InputError: if the columns cannot be found.
        ValueError, OSError, pa.ArrowException: if the file is no parquet.
    """
    size, groups = _read_footer(stream)
    file = _open(stream, [])
    schema = file.schema_arrow
    found = find_columns(schema.names, wanted, lambda index: _holds_text(schema.field(index).type))
    if isinstance(found, str):
        raise InputError(found)
    for index in found:
        if not _holds_text(schema.field(index).type):
            raise InputError(f"column {schema.names[index]!r} holds {schema.field(index).type}, no text; name another")
    names = [schema.names[index] for index in found]
    leaves = [
        leaf
        for leaf in range(file.metadata.num_columns)
        if (path := file.schema.column(leaf).path) in names or path.startswith(tuple(f"{name}." for name in names))
    ]
    # Of a value that is repeated a million times, one copy is held.
    dictionaries = [file.schema.column(leaf).path for leaf in leaves]
    kept = _open(stream, dictionaries)
    number, left = 0, most_bytes(size)
    for group in range(file.num_row_groups):
        meta = file.metadata.row_group(group)
        read = 0
        try:
            weight = weigh(stream, [groups[group][leaf] for leaf in leaves])
            left -= weight.size
            if left < 0:
                raise Bomb(f"{size} bytes unpack to more than {most_bytes(size) >> 20} MiB")
            reader = kept if weight.dictionary else file
            for batch in reader.iter_batches(weight.rows, row_groups=[group], columns=names, use_threads=False):
                columns = [_values(batch.column(batch.schema.get_all_field_indices(name)[0])) for name in names]
                for row in zip(*columns, strict=True):
                    yield row
                    read += 1
        except Exception as error:  # noqa: BLE001 - whatever a library raises costs the row group only
            lost = max(1, meta.num_rows - read)
            yield Unreadable(number + read, " ".join(str(error).split()), "row", lost)
        number += meta.num_rows


def _open(stream: BinaryIO, dictionaries: list[str]) -> pq.ParquetFile:
    return pq.ParquetFile(
        stream, read_dictionary=dictionaries, buffer_size=_BUFFER, thrift_container_size_limit=_MOST_COLUMNS
    )


def _read_footer(stream: BinaryIO) -> tuple[int, list[list[Chunk]]]:
    """The file's size, and the columns of its row groups.

    Raises:
        ValueError: if it is no parquet, or its summary is too large to be held.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(max(0, size - 8))
    end = stream.read()
    if end[4:] != b"PAR1":
        raise ValueError("no parquet file, or one that is cut off: it does not end in PAR1")
    footer = int.from_bytes(end[:4], "little")
    if footer > min(_FOOTER, size - 8):
        raise ValueError(f"its summary has {footer} bytes; no more than {min(_FOOTER, size - 8)} can be read")
    stream.seek(size - 8 - footer)
    groups = chunks_of(stream.read(footer))
    stream.seek(0)
    return size, groups


def _holds_text(kind: pa.DataType) -> bool:
    if pt.is_dictionary(kind) or pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return _holds_text(kind.value_type)
    return bool(
        pt.is_string(kind)
        or pt.is_large_string(kind)
        or pt.is_binary(kind)
        or pt.is_large_binary(kind)
        or pt.is_fixed_size_binary(kind)
        or pt.is_string_view(kind)
        or pt.is_binary_view(kind)
        or pt.is_null(kind)
    )


def _values(column: pa.Array) -> Iterable[Any]:
    """The values, one at a time where they may share memory."""
    kind = column.type
    if pt.is_null(kind):
        return repeat(None, len(column))
    if pt.is_dictionary(kind):
        return _looked_up(column)
    if pt.is_list(kind) or pt.is_large_list(kind) or pt.is_fixed_size_list(kind):
        return (_alternatives(column[n]) for n in range(len(column)))
    return _plain(column)


def _looked_up(column: pa.DictionaryArray) -> Iterable[Any]:
    length = pc.binary_length(column.dictionary)
    if (pc.sum(pc.take(length, column.indices)).as_py() or 0) <= _DECODED:
        return _plain(column.dictionary_decode())
    return _one_by_one(column)


def _one_by_one(column: pa.DictionaryArray) -> Iterator[Any]:
    words = column.dictionary
    known: dict[int, Any] = {}
    for index in column.indices.to_pylist():
        if index is None:
            yield None
            continue
        if index not in known:
            known[index] = _plain(words[index : index + 1])[0]
        yield known[index]


def _alternatives(value: pa.ListScalar) -> list[Any] | None:
    if not value.is_valid:
        return None
    return list(_values(value.values[:ALTERNATIVES]))


def _plain(column: pa.Array) -> list[Any]:
    """Strings, and as bytes what is no UTF-8, whatever type the file declares."""
    try:
        values = column.to_pylist()
    except UnicodeDecodeError:
        binary = pa.large_binary() if pt.is_large_string(column.type) else pa.binary()
        values = [_text(value) for value in column.cast(binary).to_pylist()]
    return [value if value is None else value[:_LONGEST] for value in values]


def _text(value: bytes | None) -> str | bytes | None:
    try:
        return None if value is None else value.decode()
    except UnicodeDecodeError:
        return value
