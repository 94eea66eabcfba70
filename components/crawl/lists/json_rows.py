"""Rows of JSON lines and of JSON arrays, read in bounded memory."""

import re
from collections import Counter
from collections.abc import Iterable, Iterator
from itertools import chain
from typing import Any

from components.crawl.cleaning import CLEANED
from components.crawl.lists.columns import Wanted
from components.crawl.lists.json_values import NO_OBJECT, JsonValues, described
from components.crawl.lists.lines import BadLine, as_utf8, byte_lines
from components.crawl.lists.row import MAX_ROW, Row
from components.crawl.unreadable import Unreadable
from components.errors import InputError
from components.storage.foreign.json_values import parse_json
from components.storage.foreign.texts import EncodingOfMany

# What is whole, a string or nothing in brackets, or a mark that counts: outside, in the outermost
# array, within an element, and in a string.
_WHOLE = rb'"(?:[^"\\]++|\\.)*+"|\[\]|\{\}'
_MARKS = (
    re.compile(rb'[\[\]{},"\\]'),
    re.compile(_WHOLE + rb'|[\[\]{},"\\]', re.DOTALL),
    re.compile(_WHOLE + rb'|[\[\]{}"\\]', re.DOTALL),
)
_STRING_MARKS = re.compile(rb'["\\]')
# The longest list that is one object, which is held in memory, bytes.
MAX_DOCUMENT = 32 << 20
# Bytes of the shortest row, `["",""]`: a file may have half as many shorter ones as bytes.
_SHORTEST_ROW = 7


def json_rows(chunks: Iterable[bytes], kind: str, wanted: Wanted, most: int, counts: Counter[str]) -> Iterator[Row]:
    """The rows of a list, whose content tells whether it is an array or lines.

    Raises:
        Bomb: if there are more than `most` lines.
        InputError: if it is one object without rows.
        UnicodeDecodeError: if it is UTF-16 or UTF-32 that is damaged.
    """
    pieces = as_utf8(chunks)
    start = b""
    for piece in pieces:
        start = start.lstrip() + piece
        if start.strip():
            break
    start = start.lstrip()
    # An array that begins on the first of several lines is no row of a list of lines.
    is_array = start.startswith(b"[") and (kind == "json" or start[1:].lstrip()[:1] in (b"{", b""))
    if kind == "json" and not is_array and not start.startswith(b"{"):
        yield Unreadable(0, "neither an array of objects nor JSON lines")
        return
    values = JsonValues(wanted)
    if not is_array and start.startswith(b"{"):
        document, encoding, start = _document(start, pieces)
        if document is not None:
            _count(encoding, counts)
            yield from _rows_of(document, values)
            return
    whole = chain([start], pieces)
    units = _elements(whole) if is_array else _lines(whole, most)
    guess = EncodingOfMany()
    for number, content, unit in units:
        if isinstance(content, str):
            yield Unreadable(number, content, unit)
            continue
        if len(content) < _SHORTEST_ROW:
            yield Unreadable(number, NO_OBJECT, unit)
            continue
        try:
            row, encoding = parse_json(content, guess)
        except ValueError as error:
            yield Unreadable(number, str(error), unit)
            continue
        _count(encoding, counts)
        yield from values.rows(row, number, unit)


def _count(encoding: str, counts: Counter[str]) -> None:
    if encoding != "utf-8":
        counts[f"{CLEANED}encoding"] += 1


def _document(start: bytes, pieces: Iterator[bytes]) -> tuple[dict[str, Any] | None, str, bytes]:
    """The object that all of a list is, or None; its encoding; and what was read to find out.

    Raises:
        InputError: if it is one of more than `MAX_DOCUMENT` bytes.
    """
    read, searched = bytearray(start), 0
    while (end := read.find(b"\n", searched)) < 0 and len(read) <= MAX_DOCUMENT and (piece := next(pieces, b"")):
        searched = len(read)
        read += piece
    if end < 0 and len(read) > MAX_DOCUMENT:
        raise InputError(
            f"it is one JSON value of more than {MAX_DOCUMENT >> 20} MiB; write its rows as JSON lines, for instance "
            "with: jq -c '.data[]'"
        )
    first, encoding = _object(bytes(read[:end] if end >= 0 else read))
    if first is not None:  # lines, unless it is the only one
        while not (rest := read[end:].strip() if end >= 0 else b"") and (piece := next(pieces, b"")):
            read += piece
        return (None if rest else first), encoding, bytes(read)
    while len(read) <= MAX_DOCUMENT and (piece := next(pieces, b"")):
        read += piece
    return (*(_object(bytes(read)) if len(read) <= MAX_DOCUMENT else (None, "")), bytes(read))


def _object(data: bytes) -> tuple[dict[str, Any] | None, str]:
    try:
        value, encoding = parse_json(data)
    except ValueError:
        return None, ""
    return (value if isinstance(value, dict) else None), encoding


def _rows_of(document: dict[str, Any], values: JsonValues) -> Iterator[Row]:
    rows = values.rows(document, 1, "row")
    first = next(rows)
    if isinstance(first, Unreadable) and document:
        rest = list(rows)
        if not rest:
            raise InputError(f"it is one JSON object, {first.reason}; it holds {described(document)}")
        rows = iter(rest)
    yield first
    yield from rows


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
        while match := (_STRING_MARKS if in_string else _MARKS[min(depth, 2)]).search(chunk, at):
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
