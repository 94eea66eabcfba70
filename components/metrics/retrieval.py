"""Mean average precision by the GPR1200 protocol (arXiv 2306.07952), in blocks of queries."""

import numpy as np
import numpy.typing as npt

from components.errors import InputError

# Cosines are compared to six decimals: differences below float32 rounding are ties.
_RESOLUTION = 1_000_000
# An ignored picture: it ranks last, and is never a hit (odd keys are not, see `_keys`).
_IGNORED = np.int32(-(2**31) + 1)


def average_precisions(
    embeddings: npt.NDArray[np.float32],
    categories: npt.NDArray[np.integer],
    *,
    exclude_query: bool,
    foundries: npt.NDArray[np.integer] | None = None,
    block: int = 1024,
) -> npt.NDArray[np.float64]:
    """Average precision of every picture as a query against all, ranked by cosine, without cut-off.

    Of tied pictures the wrong ones rank first, so the result does not depend on the order of the
    pictures, and an encoder that maps everything to one point gains nothing.

    Args:
        embeddings: float32 [n, d]; they are L2-normalised here.
        categories: int [n]; a picture of the query's category is a hit.
        exclude_query: whether the query is left out of its own ranking; GPR1200 keeps it, as a hit.
        foundries: int [n]; if given, other pictures of the query's foundry are ignored, as junk
            images are in ROxford.
        block: queries at a time; memory is about 16 * block * n bytes.

    Returns:
        float64 [n]; NaN for a query without a hit.

    Raises:
        InputError: if shapes disagree or an embedding is not finite.
    """
    unit = unit_rows(embeddings)
    _check("categories", categories, len(unit))
    if foundries is not None:
        _check("foundries", foundries, len(unit))
    result = np.empty(len(unit))
    for start in range(0, len(unit), block):
        queries = np.arange(start, min(start + block, len(unit)))
        hits = categories[queries, None] == categories[None, :]
        ignored = np.zeros_like(hits) if foundries is None else foundries[queries, None] == foundries[None, :]
        ignored[queries - start, queries] = exclude_query
        result[queries] = _row_precisions(_keys(unit[queries] @ unit.T, hits, ignored))
    return result


def mean_average_precision(
    embeddings: npt.NDArray[np.float32],
    categories: npt.NDArray[np.integer],
    *,
    exclude_query: bool,
    foundries: npt.NDArray[np.integer] | None = None,
) -> float:
    """The mean of `average_precisions` over the queries with a hit; 0 if there is none."""
    return mean(average_precisions(embeddings, categories, exclude_query=exclude_query, foundries=foundries))


def mean(precisions: npt.NDArray[np.float64]) -> float:
    """The mean of the values that are not NaN; 0 if there is none."""
    known = precisions[~np.isnan(precisions)]
    return float(known.mean()) if len(known) else 0.0


def unit_rows(embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 [n, d] with rows of length one (zero rows stay).

    Raises:
        InputError: if an embedding is not finite.
    """
    if embeddings.ndim != 2:
        raise InputError(f"embeddings have the shape {embeddings.shape}; retrieval needs [pictures, width]")
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(embeddings)} embeddings are not finite (the first is number {bad[0]}); "
            "train the model again"
        )
    norms = np.linalg.norm(embeddings, axis=1, keepdims=True)
    unit: npt.NDArray[np.float32] = (embeddings / np.where(norms > 0, norms, 1)).astype(np.float32)
    return unit


def _check(name: str, values: npt.NDArray[np.integer], n: int) -> None:
    if values.shape != (n,):
        raise InputError(
            f"{name} have the shape {values.shape}, but there are {n} embeddings; give one value per embedding"
        )


def _keys(
    cosines: npt.NDArray[np.float32], hits: npt.NDArray[np.bool_], ignored: npt.NDArray[np.bool_]
) -> npt.NDArray[np.int32]:
    """Integers whose descending order is the ranking: twice the rounded cosine, plus one if wrong.

    The last bit ranks wrong pictures before hits of the same cosine and identifies them after
    sorting, so that no index is carried through the sort.
    """
    keys = np.rint(cosines * _RESOLUTION).astype(np.int32) * 2 + np.logical_not(hits).astype(np.int32)
    keys[ignored] = _IGNORED
    return keys


def _row_precisions(keys: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """int32 [q, n] → the average precision of each row."""
    keys.sort(axis=1)
    rows, ranks = np.nonzero(keys[:, ::-1] % 2 == 0)
    per_row = np.bincount(rows, minlength=len(keys))
    first = np.concatenate([[0], np.cumsum(per_row)[:-1]])
    found = np.arange(len(rows)) - first[rows] + 1
    total = np.bincount(rows, weights=found / (ranks + 1), minlength=len(keys))
    precisions: npt.NDArray[np.float64] = np.divide(total, per_row, out=np.full(len(keys), np.nan), where=per_row > 0)
    return precisions
