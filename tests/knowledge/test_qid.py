"""Q-ids and their numbers."""

import pyarrow as pa
import pytest

from components.knowledge.qid import is_qid, number_of, numbers_of, qid_of

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
