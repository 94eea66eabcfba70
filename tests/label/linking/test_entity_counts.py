"""Counts of unambiguous names update the priors of namesakes."""

from collections import Counter
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.knowledge.qid import number_of
from components.label.explain import explain_text
from components.label.linking.entity_counts import ENTITY_COUNTS, EntityCounts, count_entities, updated_priors
from components.label.text.mentions import MentionFinder
from components.label.text.picture_text import read_picture_texts
from components.label.text.word_counts import WordCounts
from tests.label.conftest import Parameters, write_statistics

COUNTS = st.dictionaries(st.integers(1, 2**63 - 1), st.integers(1, 10**12), max_size=20).map(Counter)


def test_only_pictures_whose_text_has_one_meaning_are_counted(
    base: KnowledgeBase, finder: MentionFinder, knobs: Parameters
) -> None:
    texts = ["gobbler", "the gobbler", "turkey", "crab", "crab and moon", ""]
    rows = [
        {"key": str(n), "site": "", "page_url": "", "caption": text, "context": "", "page_title": ""}
        for n, text in enumerate(texts)
    ]
    counts = count_entities(read_picture_texts(rows, finder, WordCounts(), frozenset(), knobs()), 0.7, base)
    assert counts == {1: 2, 3: 1}


@given(COUNTS)
def test_counts_are_the_same_after_writing_and_reading(
    tmp_path_factory: pytest.TempPathFactory, counts: Counter[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / ENTITY_COUNTS
    EntityCounts.of(counts).write(path)
    asked = [*counts, 5, 2**31]
    assert EntityCounts.read(path).pictures(np.array(asked)).tolist() == [counts[number] for number in asked]


@given(COUNTS, COUNTS)
def test_counts_of_shards_add_up(one: Counter[int], other: Counter[int]) -> None:
    asked = np.array([*one, *other], dtype=np.int64)
    assert EntityCounts.sum([EntityCounts.of(one), EntityCounts.of(other)]).pictures(asked).tolist() == [
        (one + other)[number] for number in asked.tolist()
    ]


def test_without_a_crawl_nothing_was_named() -> None:
    assert EntityCounts.of(Counter()).pictures(np.array([1, 2])).tolist() == [0, 0]


def test_missing_counts_are_named_with_the_fix(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.npy is missing; run `mofi label run` again"):
        EntityCounts.read(tmp_path / "none.npy")


def test_counts_by_row_as_earlier_versions_wrote_them_are_refused(tmp_path: Path) -> None:
    np.save(tmp_path / ENTITY_COUNTS, np.array([(1, 5)], dtype=[("row", "<u4"), ("pictures", "<u8")]))
    with pytest.raises(InputError, match=r"named\.npy holds .*'row'.*run `mofi label run` again"):
        EntityCounts.read(tmp_path / ENTITY_COUNTS)


def test_the_prior_is_mixed_with_the_share_of_pictures() -> None:
    found = updated_priors([0.6, 0.2], np.array([3.0, 1.0]), 2.0)
    assert found == pytest.approx([0.8 * (3 + 2 * 0.75) / 6, 0.8 * (1 + 2 * 0.25) / 6])


@given(st.lists(st.floats(0.01, 1), min_size=1, max_size=6), st.floats(1e-3, 1e3))
def test_a_crawl_that_names_none_of_them_leaves_the_prior(priors: list[float], smoothing: float) -> None:
    assert updated_priors(priors, np.zeros(len(priors)), smoothing) == pytest.approx(priors, rel=1e-5)


@given(st.lists(st.tuples(st.floats(0.01, 1), st.integers(0, 1000)), min_size=1, max_size=6))
def test_the_sum_of_the_priors_stays(candidates: list[tuple[float, int]]) -> None:
    priors, pictures = zip(*candidates, strict=True)
    assert updated_priors(priors, np.array(pictures, dtype=float), 0.5).sum() == pytest.approx(sum(priors), rel=1e-5)


def test_what_the_crawl_names_elsewhere_wins(knowledge: Path, knobs: Parameters, tmp_path: Path) -> None:
    """Python and the python, with nothing around that tells them apart."""
    for winner in ("Q7", "Q8"):
        write_statistics(tmp_path, knowledge, named=Counter({number_of(winner): 5}))
        explained = explain_text("python", "", "", knowledge, tmp_path, knobs(named_smoothing=0.1, none=-2.0))
        assert explained.label.entities == (winner,)
