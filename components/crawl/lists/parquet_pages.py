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
# The fields of the summary: row groups, their columns, and of these what is said of their pages.
_GROUPS, _CHUNKS, _META, _NUMBER, _FIRST, _FIRST_DICTIONARY = 4, 1, 3, 5, 9, 11
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
_DEEPEST, _LONG_LIST = 16, 15
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


@dataclass(frozen=True)
class Chunk:
    """Where the pages of a column in a row group lie; `dictionary` is the offset of one, or 0."""

    values: int
    pages: int
    dictionary: int = 0


def chunks_of(footer: bytes) -> list[list[Chunk]]:
    """The columns of each row group, by the summary at the end of a file.

    The library that reads it ends the process if some numbers in it do not fit each other.

    Raises:
        ValueError: if it is none.
    """
    groups = _Header(footer).struct().get(_GROUPS, [])
    try:
        metas = [[chunk[_META] for chunk in group[_CHUNKS]] for group in groups]
        return [
            [Chunk(int(meta[_NUMBER]), int(meta[_FIRST]), int(meta.get(_FIRST_DICTIONARY, 0))) for meta in group]
            for group in metas
        ]
    except (KeyError, TypeError, AttributeError):
        raise ValueError("the summary of the file is damaged") from None


def weigh(stream: BinaryIO, chunks: Sequence[Chunk]) -> Weight:
    """The weight of columns.

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


def _pages(stream: BinaryIO, chunk: Chunk) -> Iterator[_Page]:
    at, left = min(chunk.dictionary or chunk.pages, chunk.pages), chunk.values
    if at < 0:
        raise ValueError(f"no page at byte {at}")
    while left > 0:
        fields, length = _header_at(stream, at)
        kind = next((kind for kind in (_DATA, _DATA_V2, _DICTIONARY) if kind in fields), _DICTIONARY)
        inner = fields.get(kind)
        if not isinstance(inner, dict):
            raise ValueError(f"no page at byte {at}")
        size, values, encoding = _natural(fields, _UNPACKED, at), 0, 0
        if kind != _DICTIONARY:
            values, encoding = _natural(inner, _VALUES, at), _natural(inner, _ENCODING[kind], at)
        yield _Page(size, values, encoding)
        left -= values
        at += length + _natural(fields, _PACKED, at)


def _natural(fields: dict[int, Any], number: int, at: int) -> int:
    value = fields.get(number)
    if type(value) is not int or value < 0:
        raise ValueError(f"no page at byte {at}: a field is {value!r}")
    return value


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
    """Reads a struct of Thrift's compact protocol: its numbers, structs and lists of these."""

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
            return self._list(depth)
        if kind in (_BYTE, _DOUBLE, _BINARY):
            length = {_BYTE: 1, _DOUBLE: 8}.get(kind) or self._unsigned()
            self.at += length
            if self.at > len(self._data):
                raise ValueError("no header of a page: it ends early")
        else:
            raise ValueError(f"no header of a page: a field of type {kind}")
        return None

    def _list(self, depth: int) -> list[Any]:
        size_and_kind = self._byte()
        size, kind = size_and_kind >> 4, size_and_kind & 15
        number = self._unsigned() if size == _LONG_LIST else size
        values: list[Any] = []
        while len(values) < number:
            values.append(self._byte() == _TRUE if kind in (_TRUE, _FALSE) else self._value(kind, depth + 1))
        return values

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
