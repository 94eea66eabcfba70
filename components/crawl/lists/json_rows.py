"""Rows of JSON lines and of JSON arrays, read in bounded memory."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from components.crawl.cleaning import CLEANED
from components.crawl.lists.columns import Columns, Wanted, columns_without_names, find_columns
from components.crawl.lists.lines import BadLine, as_utf8, byte_lines
from components.crawl.lists.row import MAX_ROW, Row
from components.crawl.unreadable import Unreadable
from components.storage.foreign_json import parse_json

# A whole string, or a mark that counts: in the outermost array, within an element, and in a string.
_STRING = rb'"(?:[^"\\]++|\\.)*+"'
_MARKS = re.compile(_STRING + rb'|[\[\]{},"\\]', re.DOTALL)
_INNER_MARKS = re.compile(_STRING + rb'|[\[\]{}"\\]', re.DOTALL)
_STRING_MARKS = re.compile(rb'["\\]')
_MOST_COLUMNS = 1000


def json_rows(chunks: Iterable[bytes], kind: str, wanted: Wanted, most: int, counts: Counter[str]) -> Iterator[Row]:
    """The rows of a list, whose content tells whether it is an array or lines.

    Raises:
        Bomb: if there are more than `most` lines.
        UnicodeDecodeError: if it is UTF-16 or UTF-32 that is damaged.
    """
    pieces = as_utf8(chunks)
    start = b""
    for piece in pieces:
        start = start.lstrip() + piece
        if start.strip():
            break
    start = start.lstrip()
    whole = chain([start], pieces)
    # An array that begins on the first of several lines is no row of a list of lines.
    is_array = start.startswith(b"[") and (kind == "json" or start[1:].lstrip()[:1] in (b"{", b""))
    if kind == "json" and not is_array and not start.startswith(b"{"):
        yield Unreadable(0, "neither an array of objects nor JSON lines")
        return
    units = _elements(whole) if is_array else _lines(whole, most)
    fields = _Fields(wanted)
    for number, content, unit in units:
        if isinstance(content, str):
            yield Unreadable(number, content, unit)
            continue
        try:
            row, encoding = parse_json(content)
        except ValueError as error:
            yield Unreadable(number, str(error), unit)
            continue
        if encoding != "utf-8":
            counts[f"{CLEANED}encoding"] += 1
        yield fields.of(row, number, unit)


class _Fields:
    """Finds the two values in rows, most of which have the same columns as the one before."""

    def __init__(self, wanted: Wanted) -> None:
        self._wanted = wanted
        self._names: list[str] = []
        self._columns: Columns | str = "no columns"
        self._known = False

    def of(self, row: Any, number: int, unit: str) -> Row:
        if isinstance(row, list):
            found = columns_without_names(row, self._wanted)
            values = row
            if found is None:
                return Unreadable(number, "not an object", unit)
            return values[found.url], values[found.text]
        if not isinstance(row, dict):
            return Unreadable(number, "not an object", unit)
        names = list(row)
        if not self._known or names != self._names:
            self._names = names
            self._columns = find_columns(names[:_MOST_COLUMNS], self._wanted, lambda n: _can_be_text(row[names[n]]))
            # A row of other values may have its texts elsewhere.
            self._known = isinstance(self._columns, Columns) or all(map(_can_be_text, row.values()))
        if isinstance(self._columns, str):
            return Unreadable(number, self._columns, unit)
        values = list(row.values())
        return values[self._columns.url], values[self._columns.text]


def _can_be_text(value: Any) -> bool:
    return not isinstance(value, dict)


def _lines(chunks: Iterable[bytes], most: int) -> Iterator[tuple[int, bytes | str, str]]:
    number = 0
    for lines in byte_lines(chunks, most):
        for line in lines:
            number += 1
            if isinstance(line, BadLine):
                yield number, line.value, "line"
            elif not line.isspace():
                yield number, line, "line"


def _elements(chunks: Iterable[bytes]) -> Iterator[tuple[int, bytes | str, str]]:
    """The elements of an array, each as it is written; those that are too long are not held.

    Brackets and quotation marks alone tell where an element ends, so a malformed one spoils no
    other, unless it leaves one of these open.
    """
    number, element, too_long = 0, bytearray(), False
    for piece, ends in _pieces(chunks):
        if piece is None:
            yield number + 1, "the array is not closed", "row"
            return
        element += piece
        if len(element) > MAX_ROW:
            element, too_long = bytearray(), True
        if ends and (too_long or element.strip()):
            number += 1
            yield number, BadLine.TOO_LONG.value if too_long else bytes(element), "row"
            element, too_long = bytearray(), False


def _pieces(chunks: Iterable[bytes]) -> Iterator[tuple[bytes | None, bool]]:
    """What stands between the commas of the outermost array, and whether it ends there.

    At the end None if the array is not closed.
    """
    depth, in_string, at = 0, False, 0
    for chunk in chunks:
        start = 0
        while match := (_STRING_MARKS if in_string else _INNER_MARKS if depth > 1 else _MARKS).search(chunk, at):
            at, mark = match.end(), match[0]
            if len(mark) > 1:
                continue
            if mark == b"\\":
                at += 1  # of a character that may stand in the next piece
            elif mark == b'"':
                in_string = not in_string
            elif mark in b"[{":
                depth += 1
                start = at if depth == 1 else start
            else:
                depth -= mark in b"]}"
                if depth == 0 or (depth == 1 and mark == b","):
                    yield chunk[start : at - 1], True
                    start = at
                if depth == 0:
                    return
        at = max(0, at - len(chunk))
        yield chunk[start:], False
    yield None, True
