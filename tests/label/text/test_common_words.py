"""The stop list: names that a crawl's texts nearly always write as common words."""

from collections import Counter
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError
from components.knowledge.base.knowledge_base import Candidate
from components.knowledge.base.names import words
from components.label.explain import explain_text
from components.label.format import COMMON_WORD
from components.label.text.common_words import (
    CaseCounts,
    add_cases,
    bar_common_words,
    common_words,
    count_cases,
    crawl_stop_list,
    read_cases,
    write_cases,
)
from components.label.text.mentions import MatchedText, Mention, MentionFinder
from tests.label.conftest import Parameters, write_statistics

# "turkey" is written small, "Brazil" with a capital, "duck" both ways.
SAID = [
    "A turkey in the oven",
    "Roast turkey and duck",
    "My turkey in Brazil",
    "Donald Duck eats turkey",
    "The Duck of Brazil",
]
COMMON = frozenset({"turkey", "in"})


def allowed(text: str, finder: MentionFinder, common: frozenset[str] = COMMON) -> list[tuple[str, list[str]]]:
    matched, _ = bar_common_words(finder.search([text])[0], common)
    return [(m.surface, [c.entity_id for c in m.candidates]) for m in matched.mentions]


# Learning


def test_a_word_is_counted_once_in_a_text_by_its_case_but_not_at_the_beginning() -> None:
    counts = count_cases(SAID)
    assert (counts.small["turkey"], counts.capital.get("turkey", 0)) == (4, 0)
    assert (counts.small["duck"], counts.capital["duck"]) == (1, 2)
    assert "roast" not in counts.small
    assert "roast" not in counts.capital
    assert count_cases(["Big cat, small cat"]).small["cat"] == 1


@pytest.mark.parametrize(
    "text", ["", " ", "a turkey in the oven", "A TURKEY IN THE OVEN", "Turkey Flag Icon", "七面鳥 と 鳥", "Turkey"]
)
def test_a_text_without_both_cases_is_ignored(text: str) -> None:
    assert count_cases([text]) == CaseCounts()


def test_a_word_is_common_if_enough_texts_and_nearly_all_write_it_in_lower_case() -> None:
    counts = CaseCounts({"turkey": 95, "duck": 94, "rare": 9}, {"turkey": 5, "duck": 6})
    assert counts.common(0.95, 10) == {"turkey"}


def test_the_parameters_decide_what_is_common(knobs: Parameters) -> None:
    counts = count_cases(SAID)
    assert common_words(counts, knobs(common_least=3)) == {"turkey"}
    assert common_words(counts, knobs(common_least=5)) == frozenset()


@given(st.lists(st.text("aB ", max_size=12)), st.integers(0, 5))
def test_counts_of_parts_add_up(texts: list[str], cut: int) -> None:
    assert add_cases([count_cases(texts[:cut]), count_cases(texts[cut:])]) == count_cases(texts)


def test_counts_are_the_same_after_writing_and_reading(tmp_path: Path, knobs: Parameters) -> None:
    write_cases(tmp_path / "cases.json", count_cases(SAID))
    assert read_cases(tmp_path / "cases.json") == count_cases(SAID)
    assert crawl_stop_list(tmp_path, knobs()) == {"turkey"}
    with pytest.raises(InputError, match=r"cases\.json is missing"):
        crawl_stop_list(tmp_path / "nothing", knobs())


# Stopping


def test_a_common_word_in_lower_case_is_not_a_proper_name(finder: MentionFinder) -> None:
    assert allowed("A roast turkey", finder) == [("turkey", ["Q1"])]
    assert allowed("A roast turkey", finder, frozenset()) == [("turkey", ["Q1", "Q2"])]


def test_what_is_left_shares_the_probability(finder: MentionFinder) -> None:
    matched, barred = bar_common_words(finder.search(["a roast turkey"])[0], COMMON)
    assert [c.prior for c in matched.mentions[0].candidates] == [1.0]
    assert [[c.entity_id for c in ruled] for _, ruled in barred.values()] == [["Q2"]]


@pytest.mark.parametrize("text", ["Visit Turkey", "ROAST TURKEY", "Turkey Flag"])
def test_a_capital_may_mean_the_proper_name(finder: MentionFinder, text: str) -> None:
    assert ["Q1", "Q2"] in [sorted(ids) for _, ids in allowed(text, finder)]


def test_a_capital_at_the_beginning_of_a_sentence_is_ignored(finder: MentionFinder) -> None:
    assert allowed("Turkey with sauce", finder) == [("Turkey", ["Q1"])]


def test_a_word_alone_is_not_judged_by_its_case(finder: MentionFinder) -> None:
    assert [sorted(ids) for _, ids in allowed(":turkey:", finder)] == [["Q1", "Q2"]]


def test_longer_names_are_not_judged(finder: MentionFinder) -> None:
    assert allowed("a cherry blossom", finder, frozenset({"cherry", "blossom", "cherry blossom"})) == [
        ("cherry blossom", ["Q11"])
    ]


def test_a_name_that_is_only_a_proper_one_is_no_mention_as_a_common_word(finder: MentionFinder) -> None:
    assert allowed("the ruby", finder, frozenset({"ruby"})) == []


def test_names_in_a_script_without_case_stay() -> None:
    candidates = (Candidate(0, "Q1", 1.0, small=True),)
    text = "赤い 鳥"
    matched = MatchedText(text, words(text), [Mention(3, 4, "鳥", 1, 1, candidates)])
    assert bar_common_words(matched, frozenset({"鳥"})) == (matched, {})


def test_explain_lists_the_common_words(knowledge: Path, knobs: Parameters, tmp_path: Path) -> None:
    cases = CaseCounts({"ruby": 50, "turkey": 50}, {})
    write_statistics(tmp_path, knowledge, Counter(), cases)
    explained = explain_text("A turkey with a ruby", "", "", knowledge, tmp_path, knobs())
    stopped = {(d.mention, d.entity_id) for d in explained.label.decisions if d.reason == COMMON_WORD}
    assert stopped == {("turkey", "Q2"), ("ruby", "Q10")}
    assert "Q10" not in explained.label.entities
