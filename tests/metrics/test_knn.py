"""The weighted vote of the nearest others."""

import numpy as np
import pytest

from components.errors import InputError
from components.metrics.knn import leave_one_out


def on_circle(*degrees: float) -> np.ndarray:
    angles = np.deg2rad(degrees)
    return np.stack([np.cos(angles), np.sin(angles)], axis=1).astype(np.float32)


def test_the_picture_itself_has_no_vote() -> None:
    right = leave_one_out(on_circle(0, 5, 90), np.array([1, 2, 3]), neighbours=1, temperature=0.07)
    assert not right.any(), "each is alone in its category"


def test_one_near_neighbour_outweighs_two_far_ones() -> None:
    x, categories = on_circle(0, 2, 80, 82), np.array([1, 1, 2, 2])
    assert leave_one_out(x, categories, neighbours=3, temperature=0.07)[0]
    assert not leave_one_out(x, categories, neighbours=3, temperature=1000)[0], "without weights the two win"


def test_a_tied_vote_is_wrong() -> None:
    x, categories = on_circle(0, 10, -10), np.array([1, 1, 2])
    assert not leave_one_out(x, categories, neighbours=2, temperature=0.07)[0]


def test_equals_scikit_learn() -> None:
    from sklearn.neighbors import KNeighborsClassifier

    rng = np.random.default_rng(3)
    x, categories = rng.normal(size=(80, 6)).astype(np.float32), rng.integers(0, 4, 80)
    x /= np.linalg.norm(x, axis=1, keepdims=True)
    ours = leave_one_out(x, categories, neighbours=7, temperature=0.2, block=11)
    for query in range(80):
        others = np.arange(80) != query
        weigh = lambda distance: np.exp(-distance / 0.2)  # noqa: E731
        model = KNeighborsClassifier(7, weights=weigh, metric="cosine").fit(x[others], categories[others])
        assert ours[query] == (model.predict(x[query : query + 1])[0] == categories[query])


def test_more_neighbours_than_pictures_are_taken_as_all_of_them() -> None:
    assert leave_one_out(on_circle(0, 1), np.array([1, 1]), neighbours=20, temperature=0.07).all()


def test_a_single_picture_is_an_error() -> None:
    with pytest.raises(InputError, match="two pictures"):
        leave_one_out(on_circle(0), np.array([1]), neighbours=1, temperature=1)
