"""Weighted k-nearest-neighbour classification, leave-one-out (arXiv 2306.07952, evaluation)."""

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.metrics.retrieval import unit_rows


def leave_one_out(
    embeddings: npt.NDArray[np.float32],
    categories: npt.NDArray[np.integer],
    *,
    neighbours: int,
    temperature: float,
    block: int = 1024,
) -> npt.NDArray[np.bool_]:
    """Whether each picture's nearest others vote for its own category.

    A neighbour's vote weighs exp(cosine / temperature); a tied vote counts as wrong.

    Args:
        embeddings: float32 [n, d]; they are L2-normalised here.
        categories: int [n].
        neighbours: k; at most n - 1 are used.
        temperature: the smaller, the more the nearest counts.
        block: queries at a time.

    Raises:
        InputError: if there are fewer than two pictures.
    """
    n = len(embeddings)
    if n < 2:
        raise InputError(f"kNN needs two pictures or more; the benchmark has {n}")
    unit, k = unit_rows(embeddings), min(neighbours, n - 1)
    right = np.zeros(n, dtype=bool)
    for start in range(0, n, block):
        queries = np.arange(start, min(start + block, n))
        cosines = unit[queries] @ unit.T
        cosines[queries - start, queries] = -np.inf
        nearest = np.argpartition(-cosines, k - 1, axis=1)[:, :k]
        weights = np.exp((np.take_along_axis(cosines, nearest, axis=1) - 1) / temperature)
        votes = categories[nearest]
        own = np.where(votes == categories[queries, None], weights, 0).sum(axis=1)
        right[queries] = own > _best_other(votes, weights, categories[queries])
    return right


def _best_other(
    votes: npt.NDArray[np.integer], weights: npt.NDArray[np.floating], own: npt.NDArray[np.integer]
) -> npt.NDArray[np.floating]:
    """[q, k] votes and weights → [q], the weight of the query's strongest wrong category."""
    totals = np.where(votes[:, :, None] == votes[:, None, :], weights[:, None, :], 0).sum(axis=2)
    best: npt.NDArray[np.floating] = np.where(votes == own[:, None], 0, totals).max(axis=1)
    return best
