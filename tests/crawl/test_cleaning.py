"""Values that others wrote: the right result for each kind; for any value one that fits."""

import math
from collections import Counter
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.cleaning import INT32, Cleaning

LONGEST = 20


def cleaned(do: str, value: Any, *limits: int) -> tuple[Any, dict[str, int]]:
    counts: Counter[str] = Counter()
    result = getattr(Cleaning(counts), do)(value, *limits)
    return result, {name.removeprefix("cleaned."): number for name, number in counts.items()}


@pytest.mark.parametrize(
    ("value", "text", "changes"),
    [
        ("a red fox", "a red fox", ""),
        ("  a \n red\tfox ", "a red fox", ""),
        ("a\x00 red \ud83dfox\x07", "a red fox", "characters"),
        ("a red fox\ufffd", "a red fox\ufffd", ""),
        ("x" * 21, "x" * 20, "truncated"),
        ("x" + " " * 200, "x", "truncated"),
        ("x " * 10 + " ", "x x x x x x x x x x", ""),
        (b"caf\xc3\xa9", "café", "bytes"),
        (b"caf\xe9", "café", "bytes encoding"),
        (bytearray(b"fox"), "fox", "bytes"),
        (["a fox", "a red fox"], "a fox", "list"),
        (["a fox"], "a fox", ""),
        (["", None, math.nan, "a fox"], "a fox", "list"),
        ([b"a fox", "an owl"], "a fox", "list bytes"),
        ([], "", ""),
        ([["a fox"]], "", "wrong_type"),
        ({"en": "a fox"}, "", "wrong_type"),
        (7, "", "wrong_type"),
        (True, "", "wrong_type"),
        (None, "", ""),
        (math.nan, "", ""),
        (Decimal("nan"), "", ""),
        ("", "", ""),
    ],
)
def test_a_text_is_one_line_of_limited_length(value: Any, text: str, changes: str) -> None:
    assert cleaned("text", value, LONGEST) == (text, dict.fromkeys(changes.split(), 1))


@pytest.mark.parametrize(
    ("value", "number", "changes"),
    [
        (640, 640, ""),
        (INT32, INT32, ""),
        (INT32 + 1, None, "out_of_range"),
        (99_999_999_999, None, "out_of_range"),
        (10**400, None, "out_of_range"),
        (0, None, "out_of_range"),
        (-640, None, "out_of_range"),
        (640.0, 640, "number"),
        ("640", 640, "number"),
        (" 640 ", 640, "number"),
        (640.5, None, "out_of_range"),
        (1e300, None, "out_of_range"),
        (math.inf, None, "out_of_range"),
        ("1e999", None, "wrong_type"),
        ("wide", None, "wrong_type"),
        ("9" * 100_000, None, "wrong_type"),
        (True, None, "wrong_type"),
        (False, None, "wrong_type"),
        ([640], None, "wrong_type"),
        ({}, None, "wrong_type"),
        (math.nan, None, ""),
        (None, None, ""),
    ],
)
def test_a_number_fits_its_column(value: Any, number: int | None, changes: str) -> None:
    assert cleaned("number", value, 1, INT32) == (number, dict.fromkeys(changes.split(), 1))


@pytest.mark.parametrize(
    ("value", "address", "changes"),
    [
        ("http://a.example/1.jpg", "http://a.example/1.jpg", ""),
        (" http://a.example/1.jpg\n", "http://a.example/1.jpg", ""),
        ("http://a.example/\x00\ud83d1.jpg", "http://a.example/1.jpg", "characters"),
        ("http://a.example/" + "x" * 2048, "", "out_of_range"),
        (b"http://a.example/1.jpg", "http://a.example/1.jpg", "bytes"),
        (["http://a.example/1.jpg", "http://a.example/2.jpg"], "http://a.example/1.jpg", "list"),
        ({"url": "http://a.example/1.jpg"}, "", "wrong_type"),
    ],
)
def test_an_address_is_kept_as_it_is(value: Any, address: str, changes: str) -> None:
    assert cleaned("address", value) == (address, dict.fromkeys(changes.split(), 1))


surrogates = st.text(st.characters(exclude_categories=()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | surrogates | st.binary() | st.decimals(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(surrogates, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60)
@given(values)
def test_whatever_the_value_the_result_fits_and_a_change_is_counted(value: Any) -> None:
    text, changes = cleaned("text", value, LONGEST)
    assert len(text) <= LONGEST
    assert text.isprintable()
    if isinstance(value, str) and not changes:
        assert text == " ".join(value.split())
    elif not isinstance(value, list):
        assert (
            changes and changes.keys() <= {"wrong_type", "bytes", "encoding", "characters", "truncated"}
        ) or not text
    number, changes = cleaned("number", value, 1, INT32)
    assert number is None or 1 <= number <= INT32
    assert changes or (number is None and cleaned("text", value, LONGEST) == ("", {})) or number == value
