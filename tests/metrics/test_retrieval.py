"""Retrieval against hand-computed rankings, a naive implementation and scikit-learn."""

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.metrics import average_precision_score

from components.errors import InputError
from components.metrics.retrieval import average_precisions, mean_average_precision


def embeddings(seed: int, n: int = 40, d: int = 8) -> npt.NDArray[np.float32]:
    return np.random.default_rng(seed).normal(size=(n, d)).astype(np.float32)


def naive(x, categories, exclude_query, foundries=None):
    """One query at a time, one rank at a time."""
    x = x.astype(np.float64) / np.linalg.norm(x.astype(np.float64), axis=1, keepdims=True)
    result = []
    for q in range(len(x)):
        others = []
        for g in range(len(x)):
            if g == q and exclude_query:
                continue
            if g != q and foundries is not None and foundries[g] == foundries[q]:
                continue
            others.append((-(x[q] @ x[g]), g))
        found, precisions = 0, []
        for rank, (_, g) in enumerate(sorted(others), start=1):
            if categories[g] == categories[q]:
                found += 1
                precisions.append(found / rank)
        result.append(np.mean(precisions) if precisions else np.nan)
    return np.array(result)


def on_circle(*degrees: float) -> npt.NDArray[np.float32]:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_a_hand_computed_ranking_without_the_query() -> None:
    # From 0°: hit at 10°, wrong at 20°, hit at 30° → (1/1 + 2/3) / 2.
    precisions = average_precisions(on_circle(0, 10, 20, 30), np.array([1, 1, 2, 1]), exclude_query=True)
    assert precisions[0] == pytest.approx((1 + 2 / 3) / 2)
    assert np.isnan(precisions[2]), "the only picture of its category has nothing to find"


def test_a_hand_computed_ranking_with_the_query_as_a_hit() -> None:
    # From 20°: itself, then two wrong pictures at 10° distance, then one at 20°.
    precisions = average_precisions(on_circle(0, 10, 20, 30), np.array([1, 1, 2, 1]), exclude_query=False)
    assert precisions[0] == pytest.approx((1 + 1 + 3 / 4) / 3)
    assert precisions[2] == pytest.approx(1)


def test_pictures_of_the_query_s_foundry_do_not_count() -> None:
    # From 0°: the redraw at 1° is junk, the wrong one at 10° is first, the hit at 20° second.
    precisions = average_precisions(
        on_circle(0, 1, 10, 20), np.array([1, 1, 2, 1]), exclude_query=True, foundries=np.array([7, 7, 8, 9])
    )
    assert precisions[0] == pytest.approx(1 / 2)


def test_the_query_stays_a_hit_when_its_foundry_is_ignored_and_it_is_not_excluded() -> None:
    precisions = average_precisions(
        on_circle(0, 1, 10, 20), np.array([1, 1, 2, 1]), exclude_query=False, foundries=np.array([7, 7, 8, 9])
    )
    assert precisions[0] == pytest.approx((1 + 2 / 3) / 2)


@pytest.mark.parametrize("exclude_query", [True, False])
@pytest.mark.parametrize("with_foundries", [True, False])
def test_equals_the_naive_implementation(exclude_query: bool, with_foundries: bool) -> None:
    x, rng = embeddings(1), np.random.default_rng(2)
    categories = rng.integers(0, 6, len(x))
    foundries = rng.integers(0, 3, len(x)) if with_foundries else None
    ours = average_precisions(x, categories, exclude_query=exclude_query, foundries=foundries, block=7)
    np.testing.assert_allclose(ours, naive(x, categories, exclude_query, foundries))


def test_equals_scikit_learn() -> None:
    x = embeddings(3, n=60)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    categories = np.random.default_rng(4).integers(0, 5, len(x))
    ours = average_precisions(x, categories, exclude_query=False)
    theirs = [average_precision_score(categories == c, x @ q) for q, c in zip(x, categories, strict=True)]
    np.testing.assert_allclose(ours, theirs, atol=1e-6)


def test_the_size_of_a_block_changes_nothing() -> None:
    x, categories = embeddings(5, n=50), np.arange(50) % 7
    whole = average_precisions(x, categories, exclude_query=True, block=1000)
    np.testing.assert_array_equal(whole, average_precisions(x, categories, exclude_query=True, block=3))


def test_an_encoder_that_maps_everything_to_one_point_gains_nothing_from_ties() -> None:
    x, categories = np.ones((30, 4), np.float32), np.repeat(np.arange(10), 3)
    worst = np.mean([1 / 28, 2 / 29])  # the two hits come last of 29
    assert mean_average_precision(x, categories, exclude_query=True) == pytest.approx(worst)


def test_perfect_embeddings_score_one() -> None:
    categories = np.repeat(np.arange(5), 4)
    assert mean_average_precision(np.eye(5, dtype=np.float32)[categories], categories, exclude_query=True) == 1


def test_lengths_of_embeddings_do_not_matter() -> None:
    x, categories = embeddings(6), np.arange(40) % 5
    scaled = x * np.random.default_rng(7).uniform(0.1, 10, (40, 1)).astype(np.float32)
    expected = average_precisions(x, categories, exclude_query=True)
    np.testing.assert_allclose(average_precisions(scaled, categories, exclude_query=True), expected, atol=1e-6)


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 10_000), st.permutations(range(24)), st.booleans())
def test_the_order_of_the_pictures_does_not_matter(seed: int, order: list[int], exclude_query: bool) -> None:
    # Few distinct vectors, so that most cosines are tied.
    x = np.random.default_rng(seed).integers(-1, 2, (24, 3)).astype(np.float32)
    categories = np.random.default_rng(seed + 1).integers(0, 4, 24)
    straight = average_precisions(x, categories, exclude_query=exclude_query)
    shuffled = average_precisions(x[order], categories[order], exclude_query=exclude_query)
    np.testing.assert_allclose(shuffled, straight[order])


def test_a_nan_in_an_embedding_is_an_error_that_says_which() -> None:
    x = embeddings(8)
    x[3, 1] = np.nan
    with pytest.raises(InputError, match="number 3"):
        average_precisions(x, np.zeros(40, int), exclude_query=True)


def test_too_few_categories_are_an_error() -> None:
    with pytest.raises(InputError, match="40 embeddings"):
        average_precisions(embeddings(9), np.zeros(39, int), exclude_query=True)
