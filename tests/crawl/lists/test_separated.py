"""Rows of csv and tsv: quotation marks, long fields, and damage that costs only its row."""

import csv
import io
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.lists import separated
from components.crawl.pair import Pair
from components.crawl.unreadable import Unreadable
from tests.crawl.lists.reading import A, B, cleaned, pairs, read, unreadable

HEADER = "url,caption\n"


def where(found: list[Unreadable]) -> list[tuple[int, int]]:
    return [(one.offset, one.number) for one in found]


@pytest.mark.parametrize(
    ("body", "captions"),
    [
        (f'{A},"a crab, at sea"\n', ["a crab, at sea"]),
        (f'{A},"an ""old"" crab"\n', ['an "old" crab']),
        (f'{A},"a crab\nat sea"\n', ["a crab at sea"]),
        (f'{A},a "red" crab\n', ['a "red" crab']),
        (f'{A},"a crab"s\n', ["a crabs"]),
        (f"{A},a\x00 crab\n", ["a crab"]),
        (f"{A},{'x' * 200_000}\n", ["x" * 200]),
        (f"{A},a crab", ["a crab"]),
    ],
)
def test_fields_are_read_as_programs_write_them(body: str, captions: list[str]) -> None:
    assert [text for _, text in pairs((HEADER + body).encode(), "a.csv")] == captions


def test_a_long_field_in_another_column_costs_nothing() -> None:
    data = f"url,caption,html\n{A},a crab,{'x' * 1_000_000}\n".encode()
    assert pairs(data, "a.csv") == [(A, "a crab")]
    assert cleaned(data, "a.csv") == {}


def test_a_long_text_is_cut_and_counted() -> None:
    assert cleaned(f"{HEADER}{A},{'x' * 200_000}\n".encode(), "a.csv") == {"truncated": 1}


@pytest.mark.parametrize(
    ("bad", "lost"),
    [
        (f'{A},"never closed\n', [(3, 1)]),
        ('"never closed\n', [(3, 1)]),
        (f'{A},"closed in another row\n{B},"an owl"\n', [(3, 1)]),
        (f"{A},a,b\n", [(3, 1)]),
        (f'{A},"a\nb\nc",d\n', [(3, 1), (4, 1)]),
        (f"{A}\n", [(3, 1)]),
    ],
)
def test_a_broken_row_costs_no_other_row(bad: str, lost: list[tuple[int, int]]) -> None:
    data = f"{HEADER}{B},before\n{bad}" + "".join(f"http://c.example/{n}.jpg,after {n}\n" for n in range(100))
    found = pairs(data.encode(), "a.csv")
    assert where(unreadable(data.encode(), "a.csv")) == lost
    assert {(B, "before"), *((f"http://c.example/{n}.jpg", f"after {n}") for n in range(100))} <= set(found)


def test_what_a_quotation_swallows_is_counted_when_it_is_not_read_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(separated, "_READ_AGAIN", 1000)
    rows = f'{A},"never closed\n' + f"{A},a crab\n" * 60
    counts: Counter[str] = Counter()
    found = read(f"{HEADER}{B},an owl\n{rows}{A},a crab\n".encode(), "a.csv", counts)
    assert found[0] == Pair(B, "an owl")
    assert sum(one.number for one in found if isinstance(one, Unreadable)) + counts["pairs.found"] == 63
    assert max(one.number for one in found if isinstance(one, Unreadable)) > 40


@settings(max_examples=40)
@given(st.lists(st.tuples(st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=9)), max_size=5))
def test_what_python_writes_is_read_back(rows: list[tuple[str]]) -> None:
    captions = [" ".join("".join(c for c in f"x{row[0]}" if c.isprintable() or c.isspace()).split()) for row in rows]
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer)
    writer.writerows([("url", "caption"), *((A, f"x{row[0]}") for row in rows)])
    assert [text for _, text in pairs(buffer.getvalue().encode(), "a.csv")] == captions


@settings(max_examples=100)
@given(st.lists(st.sampled_from([A, B, ",", '"', '""', "\n", "\r\n", "x", ";", "\t", "\x00", "é"]), max_size=40))
def test_every_row_is_a_pair_dropped_or_unreadable(parts: list[str]) -> None:
    data = (f"{HEADER}{A},first\n" + "".join(parts)).encode()
    counts: Counter[str] = Counter()
    found = read(data, "a.csv", counts)
    pairs_found = sum(not isinstance(one, Unreadable) for one in found)
    assert pairs_found == counts["pairs.found"] >= 1
    lost = sum(one.number for one in found if isinstance(one, Unreadable))
    dropped = counts["pairs.dropped.bad_address"] + counts["pairs.dropped.no_text"]
    lines = [line for line in data.splitlines()[1:] if line]
    assert 1 <= pairs_found + dropped + lost <= max(1, len(lines))
