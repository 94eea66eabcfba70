"""Lists of addresses and texts, such as those of LAION or DataComp: csv, tsv, json, jsonl,
parquet."""

import bz2
import csv
import gzip
import io
import lzma
import zlib
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from pathlib import PurePosixPath
from typing import Any, BinaryIO, cast

import msgspec
import pyarrow as pa
import pyarrow.parquet as pq
import zstandard

from components.crawl.address import resolve
from components.crawl.counts import DROPPED, FOUND
from components.crawl.pages.page import collapse
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters
from components.crawl.sources import PairSource
from components.crawl.unreadable import Unreadable
from components.errors import InputError

FORMATS = ("csv", "tsv", "json", "jsonl", "ndjson", "parquet")
_COMPRESSIONS: dict[str, Callable[[BinaryIO], Any]] = {
    ".gz": lambda stream: gzip.GzipFile(fileobj=stream),
    ".bz2": bz2.BZ2File,
    ".xz": lzma.LZMAFile,
    ".zst": lambda stream: zstandard.ZstdDecompressor().stream_reader(stream, read_across_frames=True),
}
# What such lists call their columns, lower case.
_URL_NAMES = ("url", "image_url", "img_url", "image")
_TEXT_NAMES = ("caption", "text", "alt", "alt_text", "alttext")
_LONGEST_LINE = 1 << 22
_BATCH = 8192

# Address and text of a row, whatever they are, or why there are none.
_Row = tuple[Any, Any] | Unreadable


def list_format(name: str) -> str | None:
    """The format of a list by its name (`pairs.csv.gz` → csv); None if it is none of `FORMATS`."""
    path = PurePosixPath(name.partition("?")[0])
    if path.suffix in _COMPRESSIONS:
        path = path.with_suffix("")
    kind = path.suffix.lower().removeprefix(".")
    return kind if kind in FORMATS else None


class Urls(PairSource):
    """The rows of a list.

    Columns are found by the names that such lists use, unless `crawl.url_column` and
    `crawl.text_column` name them.
    """

    attempted = (FOUND, DROPPED)

    def check(self, location: str) -> None:
        """The ending of the name must tell the format.

        Raises:
            InputError: if it does not.
        """
        if list_format(location) is None:
            raise InputError(
                f"{location} is no list that can be read; its name must end in one of {', '.join(FORMATS)}"
            )

    def read(
        self, stream: BinaryIO, location: str, parameters: CrawlParameters, counts: Counter[str]
    ) -> Iterator[Pair | Unreadable]:
        """The pairs of the list, and the rows that cannot be read."""
        for row in _rows(stream, location, (parameters.url_column, parameters.text_column)):
            if isinstance(row, Unreadable):
                yield row
                continue
            address, text = (value if isinstance(value, str) else "" for value in row)
            url, caption = resolve(address, address), collapse(text, parameters.max_text)
            reason = "bad_address" if url is None else "no_text"
            if url is None or not caption:
                counts[f"{DROPPED}{reason}"] += 1
            else:
                counts[FOUND] += 1
                yield Pair(url, caption)


def _rows(stream: BinaryIO, name: str, wanted: tuple[str, str]) -> Iterator[_Row]:
    kind = list_format(name)
    if kind == "parquet":
        return _parquet(stream, wanted)
    unpacked = _unpacked(stream, name)
    if kind in ("csv", "tsv"):
        return _whole(_separated(unpacked, kind, wanted))
    return _whole(_json(unpacked, wanted) if kind == "json" else _lines(unpacked, wanted))


def _unpacked(stream: BinaryIO, name: str) -> BinaryIO:
    suffix = PurePosixPath(name.partition("?")[0]).suffix
    opener = _COMPRESSIONS.get(suffix)
    return stream if opener is None else cast(BinaryIO, io.BufferedReader(opener(stream)))


def _whole(rows: Iterator[_Row]) -> Iterator[_Row]:
    """The rows, and what is wrong where packed bytes are damaged."""
    number = 1
    try:
        for row in rows:
            yield row
            number += 1
    except (EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError) as error:
        yield Unreadable(number, str(error), "row")


def columns_of(names: Sequence[str], wanted: tuple[str, str]) -> tuple[int, int] | str:
    """Places of the columns of addresses and texts, or what is missing."""
    lowered = [name.strip().lower() for name in names]
    places = []
    for asked, usual, what in zip(wanted, (_URL_NAMES, _TEXT_NAMES), ("url", "text"), strict=True):
        candidates = [asked.lower()] if asked else list(usual)
        place = next((lowered.index(c) for c in candidates if c in lowered), None)
        if place is None:
            shown = ", ".join(map(repr, names[:20]))
            return f"no column {' or '.join(map(repr, candidates))} among {shown}; name it as crawl.{what}_column"
        places.append(place)
    return places[0], places[1]


def _separated(stream: Any, kind: str, wanted: tuple[str, str]) -> Iterator[_Row]:
    """Rows of csv, or of tsv, in which quotation marks have no meaning."""
    text = io.TextIOWrapper(stream, "utf-8-sig", errors="replace", newline="")
    reader = csv.reader(text, delimiter="\t", quoting=csv.QUOTE_NONE) if kind == "tsv" else csv.reader(text)
    header = next(reader, None)
    if header is None:
        return
    places = columns_of(header, wanted)
    if isinstance(places, str):
        yield Unreadable(1, places, "line")
        return
    while True:
        try:
            row = next(reader, None)
        except csv.Error as error:
            yield Unreadable(reader.line_num, str(error), "line")
            continue
        if row is None:
            return
        if len(row) == len(header):
            yield row[places[0]], row[places[1]]
        elif row:
            yield Unreadable(reader.line_num, f"{len(row)} fields instead of {len(header)}", "line")


def _lines(stream: Any, wanted: tuple[str, str]) -> Iterator[_Row]:
    """Rows of JSON lines."""
    number = 0
    while line := stream.readline(_LONGEST_LINE):
        number += 1
        whole = line
        while len(line) == _LONGEST_LINE and not line.endswith(b"\n"):
            line = stream.readline(_LONGEST_LINE)
        if len(whole) == _LONGEST_LINE:
            yield Unreadable(number, f"longer than {_LONGEST_LINE} bytes", "line")
        elif whole.strip():
            yield _object(whole, number, wanted)


def _object(line: bytes, number: int, wanted: tuple[str, str]) -> _Row:
    try:
        row = msgspec.json.decode(line)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        return Unreadable(number, str(error), "line")
    return _fields(row, number, "line", wanted)


def _fields(row: Any, number: int, unit: str, wanted: tuple[str, str]) -> _Row:
    if not isinstance(row, dict):
        return Unreadable(number, "no object", unit)
    places = columns_of(list(row), wanted)
    if isinstance(places, str):
        return Unreadable(number, places, unit)
    values = list(row.values())
    return values[places[0]], values[places[1]]


def _json(stream: Any, wanted: tuple[str, str]) -> Iterator[_Row]:
    """Rows of one array of objects, which is read whole; use jsonl or parquet for large lists."""
    try:
        rows = msgspec.json.decode(stream.read())
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        yield Unreadable(0, str(error))
        return
    if not isinstance(rows, list):
        yield Unreadable(0, "no array of objects")
        return
    for number, row in enumerate(rows, 1):
        yield _fields(row, number, "row", wanted)


def _parquet(stream: BinaryIO, wanted: tuple[str, str]) -> Iterator[_Row]:
    number = 0
    try:
        file = pq.ParquetFile(stream)
        names = file.schema_arrow.names
        places = columns_of(names, wanted)
        if isinstance(places, str):
            yield Unreadable(0, places)
            return
        chosen = [names[place] for place in places]
        for batch in file.iter_batches(_BATCH, columns=chosen):
            columns = [batch.column(name).to_pylist() for name in chosen]
            yield from zip(*columns, strict=True)
            number += batch.num_rows
    except (pa.ArrowException, OSError, ValueError) as error:
        yield Unreadable(number, " ".join(str(error).split()), "row")
