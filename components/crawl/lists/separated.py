"""Rows of csv and tsv, with or without header, and with the separators that programs write."""

import csv
from collections import deque
from collections.abc import Iterator, Sequence
from itertools import chain, islice
from typing import Any, NamedTuple

from components.crawl.lists.columns import Columns, Wanted, columns_without_names, find_columns, is_address, shown
from components.crawl.lists.lines import BadLine
from components.crawl.lists.row import MAX_ROW, Row
from components.crawl.unreadable import Unreadable
from components.errors import InputError

# Python's limit of a field holds for the whole process, and rows have one of their own.
csv.field_size_limit(2 * MAX_ROW)
_SEPARATORS = {"csv": (",", ";", "\t", "|"), "tsv": ("\t", ",", ";", "|")}
# Lines at the beginning that tell columns and separator.
_HEAD = 20
# Characters of a file that may be read again after a quotation mark that is never closed.
_READ_AGAIN = 16 << 20
_UNCLOSED = "a quotation mark is not closed"


class _Form(NamedTuple):
    options: dict[str, Any]
    columns: Columns
    width: int  # of the first row
    has_header: bool


class _Broken(Exception):
    """A row does not end where it should."""


class _Tape:
    """Hands lines to the csv reader, knows those of the current row, and takes some back."""

    def __init__(self, lines: Iterator[str | BadLine], number: int) -> None:
        self._lines = lines
        self._back: deque[str | BadLine] = deque()
        self._again = _READ_AGAIN
        self.row: list[str] = []
        self.number = number  # of lines before the row
        self._size = 0
        self.ended = False

    def begin(self) -> None:
        self.number += len(self.row)
        self.row.clear()
        self._size = 0

    def __iter__(self) -> Iterator[str]:
        return self

    def __next__(self) -> str:
        line = self._back.popleft() if self._back else next(self._lines, None)
        if not isinstance(line, str):
            if line is None:
                self.ended = True
                raise StopIteration
            if self.row:
                self._back.appendleft(line)
                raise _Broken(_UNCLOSED)
            self.row.append("")
            raise _Broken(line.value)
        self._size += len(line)
        self.row.append(line)
        if self._size > MAX_ROW:
            raise _Broken(_UNCLOSED)
        return line

    def give_back(self) -> int:
        """Puts back all lines of the row but the first; returns how many are lost instead."""
        rest = self.row[1:]
        if self._size > self._again:
            return len(rest)
        self._again -= self._size
        self._back.extendleft(reversed(rest))
        del self.row[1:]
        self.ended = False
        return 0


def separated(lines: Iterator[str | BadLine], kind: str, wanted: Wanted) -> Iterator[Row]:
    """The rows of a list.

    The separator is the one that gives the columns. A list has no header if an address stands in
    its first row. A row with a quotation mark that is never closed is unreadable, and reading goes
    on at the next line.

    Raises:
        InputError: if the columns cannot be found.
        ValueError: if it is no text.
    """
    head = list(islice(lines, _HEAD))
    before = 1 if head and _names_separator(head[0]) else 0
    head = head[before:]
    form = _form([line for line in head if isinstance(line, str)], kind, wanted)
    if form is None:
        return
    tape = _Tape(chain(head, lines), before)
    reader = csv.reader(tape, **form.options)
    header, (url, text) = form.has_header, form.columns
    while True:
        tape.begin()
        try:
            row = next(reader, None)
            if row is None:
                return
            plain = len(row) == form.width and len(tape.row) == 1
            problem = "" if plain else _problem(row, tape, form)
        except (csv.Error, _Broken) as error:
            row, problem = [], str(error)
        if problem:
            number = tape.number + 1
            lost = tape.give_back()
            yield Unreadable(number, problem, "line", 1 + lost)
        elif header and row:
            header = False
        elif row:
            yield row[url], row[text]


def _problem(row: Sequence[str], tape: _Tape, form: _Form) -> str:
    if len(tape.row) > 1 and (tape.ended or _swallowed(tape.row[1:], form)):
        return _UNCLOSED
    return f"{len(row)} fields instead of {form.width}" if row and len(row) != form.width else ""


def _swallowed(lines: Sequence[str], form: _Form) -> bool:
    """Whether one of the lines that a quoted field goes on in is a row of its own."""
    for line in lines:
        row = next(csv.reader([line], **form.options), [])
        if len(row) == form.width and row[form.columns.url].startswith(("http://", "https://")):
            return True
    return False


def _names_separator(line: str | BadLine) -> bool:
    """Whether it is the line `sep=;` that Excel writes first."""
    return isinstance(line, str) and line.lower().startswith(("sep=", '"sep=')) and len(line.strip()) <= len('"sep=;"')


def _form(head: Sequence[str], kind: str, wanted: Wanted) -> _Form | None:
    """How the list is written; None if it has no row."""
    firsts: list[list[str]] = []
    unnamed: list[tuple[tuple[int, bool], _Form]] = []
    for separator in _SEPARATORS[kind]:
        plain = kind == "tsv" and separator == "\t"
        options: dict[str, Any] = {"delimiter": separator} | ({"quoting": csv.QUOTE_NONE} if plain else {})
        rows = _rows(head, options)
        if not rows:
            continue
        columns = columns_without_names(rows[0], wanted)
        if columns is not None:
            form = _Form(options, columns, len(rows[0]), has_header=False)
            unnamed.append((_likelihood(rows, form, _SEPARATORS[kind]), form))
            continue
        named = find_columns(rows[0], wanted)
        if isinstance(named, Columns):
            return _Form(options, named, len(rows[0]), has_header=True)
        firsts.append(rows[0])
    if unnamed:
        return max(unnamed, key=lambda one: one[0])[1]
    if not firsts:
        return None
    first = max(firsts, key=len)
    if not "".join(first).isprintable():
        raise ValueError("no text")
    if any(map(is_address, first)) and not any(wanted):
        raise InputError(
            f"it has no header, and its first row has {len(first)} values; give the numbers of the columns of addresses "
            f"and texts, from 0, with --url-column and --text-column; the row: {shown(first)}"
        )
    raise InputError(str(find_columns(first, wanted)))


def _rows(head: Sequence[str], options: dict[str, Any]) -> list[list[str]]:
    rows: list[list[str]] = []
    try:
        rows.extend(row for row in csv.reader(head, **options) if row)
    except csv.Error:
        return rows
    return rows


def _likelihood(rows: Sequence[Sequence[str]], form: _Form, separators: Sequence[str]) -> tuple[int, bool]:
    """How many rows have the width of the first, and whether its URL holds no other separator."""
    same = sum(len(row) == form.width for row in rows)
    return same, not any(separator in rows[0][form.columns.url] for separator in separators)
