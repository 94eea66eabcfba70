"""The pages of parquet columns, which are weighed before they are unpacked.

A page's header says how many values it holds and how many bytes they take. The summary at the end
of the file does not have to agree with it, and the library that reads pages trusts both.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, BinaryIO, NamedTuple

from components.crawl.lists.unpack import Bomb

# The fields of a header (parquet.thrift): sizes, and the structs of the kinds of pages, of which
# the first field is the number of values.
_UNPACKED, _PACKED, _DATA, _DICTIONARY, _DATA_V2 = 2, 3, 5, 7, 8
_ENCODING = {_DATA: 2, _DATA_V2: 4}
_VALUES = 1
# Encodings of pages whose dictionary the library keeps; with others it copies each value.
_KEPT = frozenset({0, 2, 8})  # PLAIN, PLAIN_DICTIONARY, RLE_DICTIONARY
# Bytes of a value at least: its index, or its place in a list.
_INDEX = 4
_USUAL_HEADER, _LONGEST_HEADER = 1 << 9, 1 << 18
# What a page costs in addition to its bytes.
_PAGE = 1 << 10
_LARGEST_PAGE = 128 << 20
_BATCH_BYTES, _MOST_ROWS = 32 << 20, 8192
# Types of Thrift's compact protocol.
_TRUE, _FALSE, _BYTE, _I64, _DOUBLE, _BINARY, _LIST, _SET, _STRUCT = 1, 2, 3, 6, 7, 8, 9, 10, 12
_DEEPEST = 8
_LONGEST_NUMBER = 63  # bits before the last byte


@dataclass(frozen=True)
class Weight:
    """What the values of columns take in memory.

    Attributes:
        size: of all pages, bytes, and something for each page and value.
        rows: as many rows at a time take a few ten MiB at most.
        dictionary: whether values of a dictionary can be held once.
    """

    size: int
    rows: int
    dictionary: bool


def weigh(stream: BinaryIO, chunks: Sequence[Any]) -> Weight:
    """The weight of column chunks (`pyarrow.parquet.ColumnChunkMetaData`).

    Raises:
        Bomb: if a page is too large to be unpacked.
        ValueError: if there are no pages where they should be.
    """
    pages = [page for chunk in chunks for page in _pages(stream, chunk)]
    largest = max((page.size for page in pages), default=0)
    if largest > _LARGEST_PAGE:
        raise Bomb(f"a page of {largest} bytes; those of more than {_LARGEST_PAGE} are not read")
    kept = all(page.encoding in _KEPT for page in pages)
    # A value that begins like the one before, or is copied from a dictionary, may fill a page.
    heaviest = max((page.size // max(1, page.values) for page in pages if page.values), default=0) if kept else largest
    size = sum(_PAGE + page.size + _INDEX * page.values for page in pages)
    return Weight(size, max(1, min(_MOST_ROWS, _BATCH_BYTES // max(1, heaviest))), kept)


class _Page(NamedTuple):
    size: int  # bytes
    values: int  # 0 for a dictionary
    encoding: int


def _pages(stream: BinaryIO, chunk: Any) -> Iterator[_Page]:
    dictionary = chunk.dictionary_page_offset if chunk.has_dictionary_page else None
    at, left = min(dictionary or chunk.data_page_offset, chunk.data_page_offset), chunk.num_values
    while left > 0:
        fields, length = _header_at(stream, at)
        packed, size = fields.get(_PACKED), fields.get(_UNPACKED)
        kind = next((kind for kind in (_DATA, _DATA_V2, _DICTIONARY) if kind in fields), _DICTIONARY)
        inner = fields.get(kind)
        values, encoding = 0, 0
        if isinstance(inner, dict) and kind != _DICTIONARY:
            values, encoding = inner.get(_VALUES), inner.get(_ENCODING[kind])
        numbers = (packed, size, values, encoding)
        if not isinstance(inner, dict) or not all(type(number) is int and number >= 0 for number in numbers):
            raise ValueError(f"no page at byte {at}")
        yield _Page(size, values, encoding)
        left -= values
        at += length + packed


def _header_at(stream: BinaryIO, at: int) -> tuple[dict[int, Any], int]:
    """The fields of the header at an offset, and its length in bytes; most are short."""
    stream.seek(at)
    header = _Header(stream.read(_USUAL_HEADER))
    try:
        return header.struct(), header.at
    except ValueError:
        stream.seek(at)
        header = _Header(stream.read(_LONGEST_HEADER))
        return header.struct(), header.at


class _Header:
    """Reads a struct of Thrift's compact protocol: its numbers and structs; the rest is skipped."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.at = 0

    def struct(self, depth: int = 0) -> dict[int, Any]:
        """The fields by number.

        Raises:
            ValueError: if it is none, or longer than the data.
        """
        fields: dict[int, Any] = {}
        number = 0
        while kind_and_step := self._byte():
            step, kind = kind_and_step >> 4, kind_and_step & 15
            number = number + step if step else self._signed()
            fields[number] = self._value(kind, depth)
        return fields

    def _value(self, kind: int, depth: int) -> Any:
        if depth > _DEEPEST:
            raise ValueError("no header of a page: nested too deeply")
        if kind in (_TRUE, _FALSE):
            return kind == _TRUE
        if kind == _STRUCT:
            return self.struct(depth + 1)
        if _BYTE < kind <= _I64:
            return self._signed()
        if kind in (_LIST, _SET):
            self._skip_list(depth)
        elif kind in (_BYTE, _DOUBLE, _BINARY):
            length = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._unsigned()
            self.at += length
            if self.at > len(self._data):
                raise ValueError("no header of a page: it ends early")
        else:
            raise ValueError(f"no header of a page: a field of type {kind}")
        return None

    def _skip_list(self, depth: int) -> None:
        size_and_kind = self._byte()
        size, kind = size_and_kind >> 4, size_and_kind & 15
        for _ in range(self._unsigned() if size == 15 else size):
            if kind in (_TRUE, _FALSE):
                self._byte()
            else:
                self._value(kind, depth + 1)

    def _byte(self) -> int:
        if self.at >= len(self._data):
            raise ValueError("no header of a page: it ends early")
        self.at += 1
        return self._data[self.at - 1]

    def _unsigned(self) -> int:
        number, shift = 0, 0
        while (byte := self._byte()) & 0x80:
            number |= (byte & 0x7F) << shift
            shift += 7
            if shift > _LONGEST_NUMBER:
                raise ValueError("no header of a page: a number of more than 64 bits")
        return number | byte << shift

    def _signed(self) -> int:
        number = self._unsigned()
        return number >> 1 ^ -(number & 1)
