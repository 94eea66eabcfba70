"""Q-ids and their numbers."""

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.knowledge.qid import PATTERN, is_qid, number_of, numbers_of, parse_qid, qid_of

BAD = ["", "Q", "Q0", "Q042", "q1", "P31", "42", "Q-1", "Q1 ", "Q1\n", "Q1a", "Q٣", "Q" + "9" * 19, "http://x/Q1"]


@pytest.mark.parametrize("number", [1, 42, 10**18 - 1])
def test_a_number_and_its_qid_give_each_other(number: int) -> None:
    assert number_of(qid_of(number)) == number


@pytest.mark.parametrize("text", BAD)
def test_what_is_no_qid_has_no_number(text: str) -> None:
    assert not is_qid(text)
    with pytest.raises(ValueError, match="is no Q-id"):
        number_of(text)


def test_a_column_has_numbers_where_it_has_qids() -> None:
    column = pa.array(["Q42", None, *BAD, f"Q{10**18 - 1}"])
    assert numbers_of(column).tolist() == [42, 0, *[0] * len(BAD), 10**18 - 1]


def test_an_empty_column_has_no_numbers() -> None:
    assert numbers_of(pa.array([], pa.string())).tolist() == []


@pytest.mark.parametrize(
    "text",
    [
        "Q89",
        "q89",
        " Q89\n",
        "wd:Q89",
        "http://www.wikidata.org/entity/Q89",
        "https://www.wikidata.org/entity/q89",
        "<http://www.wikidata.org/entity/Q89>",
        "http://wikidata.org/wiki/Q89/",
        "https://m.wikidata.org/wiki/Q89?uselang=de#P18",
        "https://www.wikidata.org/wiki/Special:EntityPage/Q89",
        "//www.wikidata.org/wiki/Special:EntityData/Q89.json",
    ],
)
def test_a_qid_is_known_in_the_forms_that_are_published(text: str) -> None:
    assert parse_qid(text) == "Q89"


ELSEWHERE = [
    "http://dbpedia.org/resource/Q89",
    "https://en.wikipedia.org/wiki/Q89",
    "http://wikidata.org.example/wiki/Q89",
    "https://www.wikidata.org/wiki/Talk:Q89",
]


@pytest.mark.parametrize("text", [*ELSEWHERE, "", "Q", "Q0", "Q089", "P31", "Q89 Q90", "Q89/", "aQ89", "Q٨٩"])
def test_nothing_else_is_taken_for_one(text: str) -> None:
    assert parse_qid(text) is None


@given(st.text() | st.from_regex(PATTERN, fullmatch=True))
def test_what_is_taken_for_one_is_one(text: str) -> None:
    found = parse_qid(text)
    assert found is None or is_qid(found)
    assert not is_qid(text) or found == text
