"""Rows of JSON, as Python, pandas and JavaScript write it."""

import json
import math
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.lists.json_rows import json_rows
from components.crawl.unreadable import Unreadable
from components.storage.foreign import texts as foreign_text
from components.storage.foreign.json_values import parse_json
from tests.crawl.lists.reading import A, B, cleaned, pairs, unreadable

GOOD = f'{{"url": "{A}", "caption": "a crab"}}'


@pytest.mark.parametrize(
    ("row", "caption"),
    [
        (f'{{"url": "{A}", "caption": "a crab", "similarity": NaN}}', "a crab"),
        (f'{{"url": "{A}", "caption": "a crab", "x": [Infinity, -Infinity, 1e999]}}', "a crab"),
        (f'{{"url": "{A}", "caption": "a crab", "x": {"9" * 5000}}}', "a crab"),
        (f'{{"url": "{A}", "caption": "a crab \\ud83d"}}', "a crab"),
        (f'{{"url": "{A}", "caption": "a crab \\ud83e\\udd80"}}', "a crab 🦀"),
        (f'{{"url": "{A}", "caption": "a\x01 crab"}}', "a crab"),
        (f'{{"url": "{A}", "caption": "a\\u0000 crab"}}', "a crab"),
        (f'{{"url": ["{A}"], "caption": ["a crab", "a red crab"]}}', "a crab"),
        (f'{{"url": ["{A}", "{B}"], "caption": "a crab"}}', "a crab"),
        (f'{{"url": "{A}", "caption": "{"x" * 100_000}"}}', "x" * 200),
        (f'{{"caption": "wrong", "url": "{A}", "caption": "a crab"}}', "a crab"),
        (f'{{"image": {{"bytes": null}}, "image_url": "{A}", "caption": "a crab"}}', "a crab"),
        (f'["{A}", "a crab"]', "a crab"),
    ],
)
@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_a_row_is_read_whatever_its_other_values(kind: str, row: str, caption: str) -> None:
    data = f"{GOOD}\n{row}\n" if kind == "jsonl" else f"[{GOOD}, {row}]"
    assert pairs(data.encode(), f"a.{kind}") == [(A, "a crab"), (A, caption)]


@pytest.mark.parametrize(
    "bad",
    [
        "[" * 200_000,
        '{"a":' * 200_000,
        "{",
        "nonsense",
        "7",
        "null",
        '"text"',
        "[]",
        "[1, 2]",
        '{"url": 1}',
        "x" * (5 << 20),
    ],
    ids=lambda bad: bad[:6],
)
def test_a_row_that_is_none_costs_itself(bad: str) -> None:
    data = f"{GOOD}\n{bad}\n{GOOD}\n".encode()
    assert pairs(data, "a.jsonl") == [(A, "a crab")] * 2
    assert [(one.offset, one.number) for one in unreadable(data, "a.jsonl")] == [(2, 1)]


@pytest.mark.parametrize(
    "bad",
    [
        "[" * 5_000 + "]" * 5_000,
        "nonsense",
        "7",
        "null",
        '"text, with ] and } and \\" in it"',
        "{1: 2}",
        '{"x": "' + "x" * (5 << 20) + '"}',
    ],
    ids=lambda bad: bad[:6],
)
def test_an_element_of_an_array_that_is_no_row_costs_itself(bad: str) -> None:
    data = f"[{GOOD}, {bad}, {GOOD}]".encode()
    assert pairs(data, "a.json") == [(A, "a crab")] * 2
    assert [(one.offset, one.unit) for one in unreadable(data, "a.json")] == [(2, "row")]


@pytest.mark.parametrize(
    ("name", "data", "number"),
    [
        ("a.json", f"[{GOOD}, {GOOD}", 1),  # cut off: the last one may not be whole
        ("a.json", f"[{GOOD}, {GOOD[:20]}", 1),
        ("a.json", f"{GOOD}\n{GOOD}\n", 2),  # lines in spite of the name
        ("a.json", f"\n\n  {GOOD}\r\n{GOOD}", 2),
        ("a.jsonl", f"[{GOOD},\n{GOOD}]\n", 2),  # an array in spite of the name
        ("a.ndjson", f"[{GOOD}, {GOOD}]", 2),
        ("a.json", f" \n[\n{GOOD}\n,\n{GOOD}\n]\n", 2),
    ],
)
def test_the_content_tells_whether_it_is_an_array_or_lines(name: str, data: str, number: int) -> None:
    assert pairs(data.encode(), name) == [(A, "a crab")] * number
    assert len(unreadable(data.encode(), name)) == (number == 1)


def test_columns_are_found_in_each_row() -> None:
    rows = [
        f'{{"url": "{A}", "caption": "1"}}',
        f'{{"alt": "2", "image_url": "{A}"}}',
        f'{{"url": "{A}", "caption": "3"}}',
    ]
    assert [text for _, text in pairs("\n".join(rows).encode(), "a.jsonl")] == ["1", "2", "3"]


def test_what_is_changed_is_counted() -> None:
    rows = [
        f'{{"url": "{A}", "caption": ["a", "b"]}}'.encode(),
        f'{{"url": "{A}", "caption": "café"}}'.encode("latin-1"),
        f'{{"url": "{A}", "caption": 7}}'.encode(),
        f'{{"url": "{A}", "caption": "\\ud83d x"}}'.encode(),
    ]
    counted = {"list": 1, "encoding": 1, "wrong_type": 1, "characters": 1}
    assert cleaned(b"\n".join(rows), "a.jsonl") == counted


values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)


@settings(max_examples=40)
@given(st.lists(values, max_size=4), st.integers(1, 9), st.sampled_from([None, 1]))
def test_an_array_is_taken_apart_wherever_it_is_cut(rows: list[Any], size: int, indent: int | None) -> None:
    data = json.dumps(rows, indent=indent).encode()
    pieces = [data[start : start + size] for start in range(0, len(data), size)]
    found = list(json_rows(pieces, "json", ("", ""), 1000, Counter()))
    assert len(found) == len(rows)


@settings(max_examples=40)
@given(values)
def test_any_value_that_python_writes_is_read(value: Any) -> None:
    found, encoding = parse_json(json.dumps(value).encode())
    assert (repr(found), encoding) == (repr(json.loads(json.dumps(value))), "utf-8")


@settings(max_examples=60)
@given(st.binary(max_size=30) | st.text('[]{},:"\\ 1e-NaInfty').map(str.encode))
def test_any_bytes_are_a_value_or_a_value_error(data: bytes) -> None:
    try:
        parse_json(data)
    except ValueError:
        return
    assert data.strip(b" \n\t\r")


@pytest.mark.parametrize("text", ["1e999", "9" * 5000, "Infinity"])
def test_a_number_that_is_too_large_is_infinite(text: str) -> None:
    assert parse_json(text.encode()) == (math.inf, "utf-8")


def test_any_row_may_be_unreadable() -> None:
    rows = json_rows([b"longer than any\nx\n"], "jsonl", ("", ""), 1000, Counter())
    assert list(rows) == [
        Unreadable(1, "Expecting value: line 1 column 1 (char 0)", "line"),
        Unreadable(2, "not an object", "line"),
    ]


@pytest.mark.parametrize("array", [b"[[],{},1]", b"[ [] , {} , null ]", b'["",[],{"a":[]}]'])
def test_what_is_shorter_than_any_row_is_no_object(array: bytes) -> None:
    rows = list(json_rows([array], "json", ("", ""), 1000, Counter()))
    assert [row.offset for row in rows if isinstance(row, Unreadable)] == [1, 2, 3]


def test_rows_in_pieces_of_a_byte_are_the_same() -> None:
    array = b'[{"url":"a","text":"[]"},[],{},{"url":"{}","text":"b"}]'
    whole = list(json_rows([array], "json", ("", ""), 1000, Counter()))
    assert list(json_rows([array[n : n + 1] for n in range(len(array))], "json", ("", ""), 1000, Counter())) == whole
    assert len(whole) == 4


def test_the_encoding_of_many_rows_is_guessed_a_bounded_number_of_times(monkeypatch: pytest.MonkeyPatch) -> None:
    guesses: list[bytes] = []
    monkeypatch.setattr(foreign_text, "guess_encoding", lambda sample: guesses.append(sample) or "cp1251")
    row = '{"url":"a","text":"Съешь же ещё"}\n'
    rows = list(json_rows([row.encode("cp1251") * 2000], "jsonl", ("", ""), 5000, Counter()))
    assert rows == [("a", "Съешь же ещё")] * 2000
    assert len(guesses) <= 1 + 300  # once for whether all is one object
