"""Hostile lists: quotation marks, endless lines, nesting, dictionaries, and packed nothing."""

import bz2
import gzip
import io
import json
import lzma
from collections.abc import Callable, Iterator
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from benchmarks.hostile.case import LARGE, Case

_SIZES = (LARGE, 5 * LARGE)
_URL, _TEXT = "https://site.example/a.png", "a crab"
_HEADER = "url,text\n"


def cases() -> Iterator[Case]:
    """The hostile lists."""
    for name, make in _SEPARATED.items():
        yield Case("list: csv", name, make, _SIZES)
        yield Case("list: tsv", name, _with_tabs(make), _SIZES)
    for name, make in _JSON.items():
        yield Case("list: json", name, make, _SIZES)
    for name, make in _LINES.items():
        yield Case("list: jsonl", name, make, _SIZES)
    for name, table in _TABLES.items():
        yield Case("list: parquet", name, table, _SIZES)
    for kind in ("csv", "jsonl", "json"):
        for name, make in _PACKED.items():
            yield Case(f"list: {kind}", name, make, (LARGE,))


def _with_tabs(make: Callable[[int], bytes]) -> Callable[[int], bytes]:
    return lambda size: make(size).replace(b",", b"\t")


def _filled(part: str, begin: str = _HEADER, end: str = "") -> Callable[[int], bytes]:
    whole = part.encode("utf-8", "surrogatepass")
    return lambda size: begin.encode() + whole * (size // len(whole)) + end.encode()


def _coded(encoding: str) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        row = f"{_URL},Съешь же ещё\n".encode(encoding, "replace")
        return _HEADER.encode(encoding) + row * (size // len(row))

    return make


def _unlike(size: int) -> bytes:
    """Lines in turns of UTF-8 and of other bytes."""
    row = f"{_URL},ä\n".encode() + f"{_URL},ä\n".encode("latin-1")
    return _HEADER.encode() + row * (size // len(row))


def _wide(size: int) -> bytes:
    names = ",".join(f"c{n}" for n in range(size // 14))
    return f"{names},url,text\n{',' * (names.count(',') + 1)}{_URL},{_TEXT}\n".encode()


def _packed(pack: Callable[[bytes], bytes], content: bytes) -> Callable[[int], bytes]:
    """One packed file, of which the content repeats until it is large enough."""

    def make(size: int) -> bytes:
        times = 1
        while len(packed := pack(content * times)) < size and times * len(content) < 200 * LARGE:
            times *= 4
        return packed

    return make


def _many_packed(pack: Callable[[bytes], bytes], content: bytes) -> Callable[[int], bytes]:
    one = pack(content)
    return lambda size: one * (size // len(one))


def _numbered(size: int) -> bytes:
    return b"[" + b",".join(b'{"c%d":"%s","text":"a"}' % (n, _URL.encode()) for n in range(size // 50)) + b"]"


def _objects(one: object) -> Callable[[int], bytes]:
    text = json.dumps(one, separators=(",", ":")).encode()
    return lambda size: b"[" + b",".join([text] * (size // (len(text) + 1))) + b"]"


def _as_lines(one: object) -> Callable[[int], bytes]:
    text = json.dumps(one, separators=(",", ":")).encode() + b"\n"
    return lambda size: text * (size // len(text))


def _table(rows: Callable[[int], int], columns: dict[str, Any], **options: Any) -> Callable[[int], bytes]:
    """A table of columns that repeat a value each."""

    def make(size: int) -> bytes:
        number = rows(size)
        arrays = {
            name: pa.DictionaryArray.from_arrays(pa.array([0] * number, pa.int32()), pa.array([value]))
            if isinstance(value, str)
            else pa.array([value] * number)
            for name, value in columns.items()
        }
        return _parquet(pa.table(arrays), **options)

    return make


def _parquet(table: pa.Table, **options: Any) -> bytes:
    out = io.BytesIO()
    pq.write_table(table, out, **{"compression": "zstd"} | options)
    return out.getvalue()


def _nested(depth: int) -> Callable[[int], bytes]:
    def make(size: int) -> bytes:
        kind: pa.DataType = pa.string()
        for _ in range(depth):
            kind = pa.list_(kind)
        value: Any = "a"
        for _ in range(depth):
            value = [value] * 4
        return _parquet(pa.table({"url": [_URL] * 300, "text": pa.array([value] * 300, kind)}))

    return make


def _groups(size: int) -> bytes:
    table = pa.table({"url": [_URL] * (size // 250), "text": [_TEXT] * (size // 250)})
    return _parquet(table, row_group_size=1)


def _wide_table(size: int) -> bytes:
    return _parquet(pa.table({"url": [_URL], "text": [_TEXT]} | {f"c{n}": [0] for n in range(size // 300)}))


_SEPARATED: dict[str, Callable[[int], bytes]] = {
    "quotation marks": _filled('"', ""),
    "quotation marks after a header": _filled('"'),
    "quoted fields": _filled('"",', ""),
    "quoted lines": _filled('"\n'),
    "two quoted lines": _filled('"\n"\n'),
    "quoted rows": _filled(f'"{_URL},{_TEXT}\n'),
    "a quoted row of lines": _filled("a\n", f'{_HEADER}"'),
    "a quoted row of rows": _filled(f"{_URL},{_TEXT}\n", f'{_HEADER}"'),
    "a quoted row, closed": _filled("a\n", f'{_HEADER}{_URL},"', '"\n'),
    "quoted, closed rows": _filled(f'{_URL},"a\nb"\n'),
    "rows with quotes within": _filled(f'{_URL},a "b" c\n'),
    "commas": _filled(",", ""),
    "commas after a header": _filled(","),
    "lines of commas": _filled(",,,,,\n"),
    "one line": _filled("a", ""),
    "one line after a header": _filled("a"),
    "lines": _filled("\n", ""),
    "lines after a header": _filled("\n"),
    "returns": _filled("\r"),
    "short rows": _filled("a,b\n"),
    "short rows without a header": _filled("http://a.b,c\n", ""),
    "addresses": _filled(f"{_URL},{_TEXT}\n"),
    "odd addresses": _filled("http://ä.example/ö,a crab\n"),
    "long odd hosts": _filled(f"http://{'ä' * 50}.{'ö' * 50}.example/,a crab\n"),
    "paths up": _filled("http://a.example/" + "a/../" * 380 + ",a crab\n"),
    "zeros": _filled("\0"),
    "controls": _filled(f"{_URL},\x01\x02\x03\n"),
    "long texts": _filled(f"{_URL},{'a b ' * 5000}\n"),
    "one wide row": _wide,
    "a separator": _filled(f"{_URL};{_TEXT}\n", "sep=;\nurl;text\n"),
    "backslashes": _filled(f'{_URL},\\"\n'),
    "cp1251": _coded("cp1251"),
    "utf-16": _coded("utf-16-le"),
    "utf-32": _coded("utf-32-be"),
    "half of it UTF-8": _unlike,
    "half surrogates": _filled(f"{_URL},\ud800\n"),
    "high bytes": lambda size: _HEADER.encode() + b"\xff\xfe\x80\n" * (size // 4),
}
_JSON: dict[str, Callable[[int], bytes]] = {
    "empty lists": _objects([]),
    "empty objects": _objects({}),
    "empty texts": _objects(""),
    "numbers": _objects(1),
    "rows": _objects({"url": _URL, "text": _TEXT}),
    "short rows": _objects({"url": "", "text": ""}),
    "rows of lists": _objects([_URL, _TEXT]),
    "rows of nothing": _objects([None, None]),
    "rows of objects": _objects({"url": {}, "text": {}}),
    "rows with deep values": _objects({"url": _URL, "text": [[[[[["a"]]]]]]}),
    "rows of other columns": _numbered,
    "rows of many columns": _objects({f"c{n}": 0 for n in range(900)} | {"url": _URL, "text": _TEXT}),
    "lists of lists": _objects([[]] * 20),
    "deep lists": _filled("[", ""),
    "deep lists in an array": _filled("[", "[{},"),
    "deep objects": _filled('{"a":', "["),
    "commas": _filled(",", "["),
    "commas in an array": _filled("1,", "[", "1]"),
    "quotation marks": _filled('"', "["),
    "backslashes": _filled("\\", '["'),
    "escaped marks": _filled('\\"', '["', '"]'),
    "one text": _filled("a", '["', '"]'),
    "an open text": _filled("a", '["'),
    "open texts": _filled('"a', "["),
    "blanks": _filled(" ", "["),
    "blanks before": _filled(" ", "", "[{}]"),
    "closed": _filled("]", "["),
    "brackets in turns": _filled("[]", "["),
    "braces in turns": _filled("{}", "["),
    "NaNs": _filled("NaN,", "[", "0]"),
    "surrogates": _filled('{"url":"\\ud800","text":"a"},', "[", "0]"),
    "long numbers": _filled(f"{'1' * 5000},", "[", "0]"),
    "one long number": _filled("1", "[", "]"),
    "one row": _filled('"a":0,', '[{', '"url":"a","text":"b"}]'),
    "one row of keys": lambda size: b"[{" + b",".join(b'"%d":0' % n for n in range(size // 10)) + b"}]",
    "one row of keys and NaN": lambda size: b'[{"a":NaN,' + b",".join(b'"%d":0' % n for n in range(size // 10)) + b"}]",
    "high bytes": lambda size: b"[" + b'"\xe4\xf6",' * (size // 5) + b"0]",
    "high bytes in one": lambda size: b'["' + b"\xe4\xf6\xff\x80" * (size // 4) + b'"]',
    "utf-16": lambda size: '[{"url":"a"}'.encode("utf-16") + ',{"url":"a"}'.encode("utf-16-le") * (size // 24),
}  # fmt: skip
_LINES: dict[str, Callable[[int], bytes]] = {
    "empty lists": _as_lines([]),
    "empty objects": _as_lines({}),
    "numbers": _as_lines(1),
    "rows": _as_lines({"url": _URL, "text": _TEXT}),
    "rows of lists": _as_lines([_URL, _TEXT]),
    "rows of objects": _as_lines({"url": {}, "text": {}}),
    "rows of many columns": _as_lines({f"c{n}": 0 for n in range(900)}),
    "no JSON": _filled("a\n", ""),
    "open objects": _filled("{\n", ""),
    "surrogates": _filled('{"url":"\\ud800","text":"a"}\n', ""),
    "NaNs": _filled("NaN\n", ""),
    "deep lists": _filled("[" * 2000 + "\n", ""),
    "deep lists, closed": _filled("[" * 500 + "]" * 500 + "\n", "{}\n"),
    "high bytes": lambda size: b'{"url":"\xe4\xf6\xfc\xdf"}\n' * (size // 15),
    "other scripts": lambda size: '{"url":"Съешь"}\n'.encode("cp1251") * (size // 16),
    "one line": _filled("a", ""),
    "lines": _filled("\n", ""),
    "blanks": _filled(" \n", ""),
    "long numbers": _filled("1" * 4500 + "\n", ""),
}
_TABLES: dict[str, Callable[[int], bytes]] = {
    "one value": _table(lambda size: size, {"url": _URL, "text": _TEXT}),
    "one long value": _table(lambda size: size, {"url": _URL, "text": "a b " * 100_000}),
    "one long value of spaces": _table(lambda size: size // 10, {"url": _URL, "text": " " * 1_000_000}),
    "long values without a dictionary": _table(
        lambda size: size // 1000, {"url": _URL, "text": "a b " * 5_000}, use_dictionary=False
    ),
    "deltas": _table(
        lambda size: size // 1000, {"url": _URL, "text": "a b " * 5_000}, use_dictionary=False,
        column_encoding={"url": "DELTA_BYTE_ARRAY", "text": "DELTA_BYTE_ARRAY"},
    ),
    "lists": _table(lambda size: size // 100, {"url": _URL, "text": [_TEXT] * 50}),
    "lists of nothing": _table(lambda size: size // 10, {"url": _URL, "text": [""] * 50}),
    "bytes": _table(lambda size: size // 10, {"url": _URL, "text": b"\xe4\xf6\xfc"}),
    "nested lists": _nested(4),
    "deep lists": _nested(1),
    "groups": _groups,
    "columns": _wide_table,
    "rows": lambda size: _parquet(
        pa.table({"url": [f"{_URL}?{n}" for n in range(size // 9)], "text": [_TEXT] * (size // 9)})
    ),
    "zeros": lambda size: b"PAR1" + bytes(size) + b"PAR1",
    "a false summary": lambda size: b"PAR1" + b"\x19" * size + size.to_bytes(4, "little") + b"PAR1",
    "a summary of lists": lambda size: b"PAR1" + b"\x29\xf9\xff\xff\x01" * (size // 5) + size.to_bytes(4, "little") + b"PAR1",
}  # fmt: skip
_PACKED: dict[str, Callable[[int], bytes]] = {
    "gzip of zeros": _packed(lambda data: gzip.compress(data, mtime=0), bytes(1_000_000)),
    "gzip of lines": _packed(lambda data: gzip.compress(data, mtime=0), b"\n" * 1_000_000),
    "gzip of rows": _packed(lambda data: gzip.compress(data, mtime=0), f"{_URL},{_TEXT}\n".encode() * 10_000),
    "gzip of empty lists": _packed(lambda data: gzip.compress(data, mtime=0), b"[" + b"[]," * 100_000),
    "gzip of marks": _packed(lambda data: gzip.compress(data, mtime=0), b'"' * 1_000_000),
    "xz of lines": _packed(lzma.compress, b"\n" * 1_000_000),
    "bzip2 of lines": _packed(bz2.compress, b"\n" * 1_000_000),
    "zstd of lines": _packed(zstandard.compress, b"\n" * 1_000_000),
    "many gzips": _many_packed(lambda data: gzip.compress(data, mtime=0), b""),
    "many xz": _many_packed(lzma.compress, b""),
    "many bzip2": _many_packed(bz2.compress, b""),
    "many zstd": _many_packed(zstandard.compress, b""),
    "gzip of a gzip": _packed(
        lambda data: gzip.compress(gzip.compress(data, mtime=0), mtime=0), bytes(1_000_000)
    ),
}  # fmt: skip
