"""Damaged inputs cause no crash, no hang, known reasons alone, and cost no more than they may."""

from collections import Counter

import pytest

from tests.fuzz.inputs import INPUTS, replay
from tests.fuzz.readers import NAMES

# The first ones in every run, and all of them with the slow tests.
NUMBERS = [3_000, pytest.param(10_000, marks=pytest.mark.slow)]


def run(name: str, number: int) -> Counter[str]:
    """Outcomes of the first mutations for a reader, read in a separate process."""
    found = replay(name, [], number)
    assert not found.problem, found.problem
    return found.outcomes


@pytest.mark.parametrize("number", NUMBERS)
def test_damaged_pages_give_pairs_or_none(number: int) -> None:
    found = run("page", number)
    assert found.total() == number
    assert all(found[outcome] > number // 100 for outcome in ("pairs", "no pairs", "noindex", "noimageai"))


@pytest.mark.parametrize("number", NUMBERS)
def test_damaged_pictures_are_decoded_completely_or_rejected(number: int) -> None:
    found = run("picture", number)
    assert found.total() == number
    outcomes = ("success", "undecodable", "not_a_picture", "bomb", "too_small")
    assert all(found[outcome] > number // 200 for outcome in outcomes)


@pytest.mark.parametrize("name", ["warc", "wat", "separated", "json_list", "parquet", "tar", "adopted_tar"])
def test_damaged_files_are_read_as_far_as_they_can_be(name: str) -> None:
    found = run(name, 200)
    taken = {"tar": "pictures", "adopted_tar": "success"}.get(name, "pairs")
    assert found[taken] > 0
    assert found["undecodable" if name == "adopted_tar" else "unreadable"] > 0


def test_damaged_rules_allow_or_refuse() -> None:
    found = run("robots", 300)
    assert found.total() == 300
    assert all(found[outcome] > 50 for outcome in ("allowed", "refused"))


@pytest.mark.parametrize("name", NAMES)
def test_what_once_was_too_much_for_a_reader_is_none_any_more(name: str) -> None:
    found = replay(name, sorted((INPUTS / name).glob("*")), 100)
    assert not found.problem, found.problem
