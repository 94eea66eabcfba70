"""URL lists with texts as a source of pairs, like those of LAION or DataComp."""

import io
from collections import Counter
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import Any, BinaryIO

from components.crawl.address import resolve
from components.crawl.cleaning import ALTERNATIVES, LOOKED_AT, Cleaning
from components.crawl.counts import DROPPED, FOUND
from components.crawl.lists.columns import Wanted
from components.crawl.lists.json_rows import json_rows
from components.crawl.lists.lines import text_lines
from components.crawl.lists.parquet import parquet_rows
from components.crawl.lists.row import Row
from components.crawl.lists.separated import separated
from components.crawl.lists.unpack import Bomb, chunks
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters
from components.crawl.sources import PairSource
from components.crawl.unreadable import Unreadable
from components.errors import InputError

FORMATS = ("csv", "tsv", "json", "jsonl", "ndjson", "parquet")
_COMPRESSIONS = (".gz", ".bz2", ".xz", ".zst")
# Rows that a file may have in addition to one for each byte; packed files of equal rows have more.
_FREE_ROWS = 100_000
# Characters of texts that are looked at, likewise: one in a dictionary may stand in all rows.
_FREE_LETTERS, _LETTERS = 16 << 20, 16
_SHOWN = 80
_FIX = (
    ". If other columns hold the pictures' addresses and their texts, name them with --url-column and --text-column "
    "(crawl.url_column, crawl.text_column in params.yaml)"
)


def list_format(name: str) -> str | None:
    """The format of a list by its file name (`pairs.csv.gz` → csv); None if unknown."""
    path = PurePosixPath(name.partition("?")[0])
    if path.suffix.lower() in _COMPRESSIONS:
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
        """The pairs of the list, and the rows that cannot be read.

        Raises:
            InputError: if the columns cannot be found, or no row gives a pair.
        """
        cleaning = Cleaning(counts)
        pairs, dropped, unreadable = 0, 0, 0
        first: str | None = None
        try:
            for row in _rows(stream, location, parameters, counts):
                if isinstance(row, Unreadable):
                    unreadable += 1
                    first = str(row) if first is None else first
                    yield row
                    continue
                address, text = cleaning.address(row[0]), cleaning.text(row[1], parameters.max_text)
                url = resolve(address, address)
                if url is None or not text:
                    counts[f"{DROPPED}{'bad_address' if url is None else 'no_text'}"] += 1
                    dropped += 1
                    first = f"{address[:_SHOWN]!r} with the text {text[:_SHOWN]!r}" if first is None else first
                else:
                    counts[FOUND] += 1
                    pairs += 1
                    yield Pair(url, text)
        except InputError as error:
            raise InputError(f"{location}: {error}") from None
        if not pairs and dropped + unreadable > 1:
            raise InputError(f"{location}: none of its rows gives a pair; the first: {first}{_FIX if dropped else ''}")
        if first is None and not pairs:
            yield Unreadable(0, "it has no row", "row")


def _rows(stream: BinaryIO, name: str, parameters: CrawlParameters, counts: Counter[str]) -> Iterator[Row]:
    """The rows of a list up to damage in the file, and the damage."""
    wanted = parameters.url_column, parameters.text_column
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    most, letters, longest = _FREE_ROWS + size, _FREE_LETTERS + _LETTERS * size, LOOKED_AT * parameters.max_text
    number = 0
    try:
        for row in _one_by_one(_of_format(stream, list_format(name), wanted, most, counts)):
            number += 1
            if number > most:
                raise Bomb("it has more rows than bytes; the rest is not read")
            if not isinstance(row, Unreadable):
                text = row[1]
                letters -= min(longest, len(text) if type(text) is str else _length(text))
                if letters < 0:
                    raise Bomb(f"its texts are more than {_LETTERS} times as long as the file; the rest is not read")
            yield row
    except InputError:
        raise
    except Exception as error:  # noqa: BLE001 - whatever a library raises, the rows before it count
        yield Unreadable(number + 1, " ".join(str(error).split()) or type(error).__name__, "row")


def _one_by_one(rows: Iterator[Row]) -> Iterator[Row]:
    """The rows, of which one may have lists in its columns that are as many rows."""
    for number, row in enumerate(rows):
        if isinstance(row, Unreadable) or type(row[0]) is not list or type(row[1]) is not list:
            yield row
        elif len(row[0]) == len(row[1]):
            yield from zip(*row, strict=True)
        elif len(row[0]) > 1 and len(row[1]) > 1:
            yield Unreadable(number + 1, f"{len(row[0])} addresses and {len(row[1])} texts", "row")
        else:
            yield row


def _length(value: Any) -> int:
    if isinstance(value, list):
        return sum(map(_length, value[:ALTERNATIVES]))
    return len(value) if isinstance(value, (str, bytes)) else 0


def _of_format(stream: BinaryIO, kind: str | None, wanted: Wanted, most: int, counts: Counter[str]) -> Iterator[Row]:
    if kind == "parquet":
        return parquet_rows(stream, wanted)
    if kind in ("csv", "tsv"):
        return separated(text_lines(chunks(stream), most, counts), kind, wanted)
    return json_rows(chunks(stream), str(kind), wanted, most, counts)
