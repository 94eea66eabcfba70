"""Drawing ambiguous mentions, and the committed list."""

import hashlib
from collections import Counter

import pytest

from benchmarks.label.ambiguous import Case, draw, is_listed, read_cases, write_cases
from components.errors import InputError
from components.knowledge.base.names import normalise
from components.label.text.picture_text import PictureText, StoredMention

IDS = {1: "Q1", 2: "Q2", 3: "Q3"}


def picture_text(text: str, *mentions: tuple[int, int, tuple[int, ...]]) -> PictureText:
    read = tuple(
        StoredMention(start, end, True, 1.0, rows, (1 / len(rows),) * len(rows), (False,) * len(rows))
        for start, end, rows in mentions
    )
    return PictureText("0", "site", "", text, "alt", "", read)


TURKEY = picture_text("turkey", (0, 6, (1, 2)))


def test_a_name_with_two_candidates_is_a_case_of_the_right_one():
    assert draw([("u", TURKEY, "Q1")], IDS) == [Case("u", "turkey", "turkey", 2, "Q1")]


def test_one_name_with_two_right_entities_is_two_cases():
    assert [case.entity_id for case in draw([("u", TURKEY, "Q1"), ("v", TURKEY, "Q2")], IDS)] == ["Q1", "Q2"]


@pytest.mark.parametrize("right", ["Q3", "Q9"])
def test_a_name_without_the_right_candidate_is_no_case(right):
    assert draw([("u", TURKEY, right)], IDS) == []


def test_a_name_with_one_candidate_is_no_case_even_if_a_later_one_has_two():
    assert draw([("u", picture_text("bird, turkey", (0, 4, (1,)), (6, 12, (1, 2))), "Q1")], IDS) == []


def test_of_several_pictures_the_hash_of_the_address_chooses():
    urls = [f"http://site/{n}.png" for n in range(9)]
    (case,) = draw([(url, TURKEY, "Q1") for url in urls], IDS)
    assert case.url == min(urls, key=lambda url: hashlib.sha256(url.encode()).hexdigest())


def test_spellings_of_a_name_are_one_case():
    assert len(draw([("u", TURKEY, "Q1"), ("v", picture_text("TURKEY", (0, 6, (1, 2))), "Q1")], IDS)) == 1


def test_a_list_that_is_written_is_read_again(tmp_path):
    cases = [Case("u", 'with "quotes"\tand tabs', "tabs", 2, "Q1"), Case("v", "#1", "#1", 3, "Q2")]
    write_cases(cases, tmp_path / "cases.tsv")
    assert read_cases(tmp_path / "cases.tsv") == cases


def test_a_missing_list_is_an_error_with_its_fix(tmp_path):
    with pytest.raises(InputError, match="--write-cases draws it"):
        read_cases(tmp_path / "none.tsv")


def test_the_committed_list_has_a_hundred_unique_cases_for_evaluation():
    cases = read_cases()
    assert len(cases) >= 100
    assert all(is_listed(case) and case.candidates > 1 for case in cases)
    assert max(Counter((normalise(case.mention), case.entity_id) for case in cases).values()) == 1
