"""Texts are embedded once, in blocks; scores are looked up."""

from pathlib import Path

import numpy as np
import pytest

from components.label.image_filter import candidate_texts
from components.label.image_filter.candidate_texts import ROWS, TextScorer, join_texts, write_block

RNG = np.random.default_rng(0)


def unit(*shape: int) -> np.ndarray:
    drawn = RNG.normal(size=shape).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=-1, keepdims=True)


@pytest.fixture
def scorer(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> TextScorer:
    """Of ten texts in blocks of four."""
    monkeypatch.setattr(candidate_texts, "BLOCK", 4)
    np.save(tmp_path / ROWS, np.arange(0, 50, 5, dtype=np.int32))
    references = unit(64, 8)
    np.save(tmp_path / "references.npy", references.astype(np.float16))
    embedded = unit(10, 8)
    for first in (0, 4, 8):
        write_block(tmp_path, first, embedded[first : first + 4], references)
    join_texts(tmp_path, tmp_path)
    return TextScorer.open(tmp_path)


def test_scores_are_standardised_cosines_of_the_asked_rows(scorer: TextScorer) -> None:
    picture = unit(8)
    cosines = scorer.texts[[9, 3]].astype(np.float32) @ picture
    expected = (cosines - scorer.statistics.mean[[9, 3]]) / scorer.statistics.deviation[[9, 3]]
    assert scorer.score(picture, [45, 15]) == pytest.approx(expected, abs=1e-6)


def test_an_unreadable_picture_scores_zero(scorer: TextScorer) -> None:
    assert not scorer.score(np.zeros(8, np.float32), [0, 5]).any()


@pytest.mark.parametrize("row", [7, 46, 1000])
def test_a_row_whose_text_was_not_embedded_is_named(scorer: TextScorer, row: int) -> None:
    with pytest.raises(KeyError, match=str(row)):
        scorer.score(unit(8), [5, row])


def test_a_crawl_that_names_nothing_has_no_texts(tmp_path: Path) -> None:
    np.save(tmp_path / ROWS, np.zeros(0, np.int32))
    np.save(tmp_path / "references.npy", unit(16, 8).astype(np.float16))
    join_texts(tmp_path, tmp_path)
    assert TextScorer.open(tmp_path).texts.shape == (0, 8)
    assert len(TextScorer.open(tmp_path).score(unit(8), [])) == 0
