"""Mean average precision by the GPR1200 protocol (MOFI.md, Evaluation protocols), in blocks of queries."""

import numpy as np
import numpy.typing as npt

from components.errors import InputError

# Cosines are compared to six decimals: what differs by less than the rounding of float32 sums is a tie.
_RESOLUTION = 1_000_000
# A picture that does not count: after every cosine, and never a hit (an odd number is no hit, see `_keys`).
_IGNORED = np.int32(-(2**31) + 1)


def average_precisions(
    embeddings: npt.NDArray[np.float32],
    categories: npt.NDArray[np.integer],
    *,
    exclude_query: bool,
    foundries: npt.NDArray[np.integer] | None = None,
    block: int = 1024,
) -> npt.NDArray[np.float64]:
    """Every picture is a query against all of them, ranked by cosine, with no cut-off.

    Tied pictures are ranked with the wrong ones first, so the result does not depend on the order of the pictures, and
    an encoder that maps everything to one point gains nothing.

    Args:
        embeddings: float32 [n, d]; they are L2-normalised here.
        categories: int [n]; a picture of the query's category is a hit.
        exclude_query: whether the query is left out of its own ranking; GPR1200 keeps it, as a hit.
        foundries: int [n]; if given, other pictures of the query's foundry are ignored, as junk images of ROxford are.
        block: queries at a time; memory is about 16 * block * n bytes.

    Returns:
        float64 [n], the average precision of each query; NaN where its ranking holds no hit.

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
        result[queries] = _block(_keys(unit[queries] @ unit.T, hits, ignored))
    return result


def mean_average_precision(
    embeddings: npt.NDArray[np.float32],
    categories: npt.NDArray[np.integer],
    *,
    exclude_query: bool,
    foundries: npt.NDArray[np.integer] | None = None,
) -> float:
    """The mean of `average_precisions` over the queries that have a hit; 0 if none has."""
    return mean(average_precisions(embeddings, categories, exclude_query=exclude_query, foundries=foundries))


def mean(precisions: npt.NDArray[np.float64]) -> float:
    """The mean of what is not NaN; 0 if nothing is left."""
    known = precisions[~np.isnan(precisions)]
    return float(known.mean()) if len(known) else 0.0


def unit_rows(embeddings: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """float32 [n, d] with every row of length one (a row of zeros stays).

    Raises:
        InputError: if an embedding is not finite.
    """
    if embeddings.ndim != 2:
        raise InputError(f"embeddings have the shape {embeddings.shape}; retrieval needs [pictures, width]")
    bad = np.flatnonzero(~np.isfinite(embeddings).all(axis=1))
    if len(bad):
        raise InputError(
            f"{len(bad)} of {len(embeddings)} embeddings are not finite (the first is number {bad[0]}); "
            "train the model anew"
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
    """Integers whose descending order is the ranking: twice the rounded cosine, plus one for a wrong picture.

    The last bit puts wrong pictures before hits of the same cosine and tells them apart after sorting, so no index has
    to be carried through the sort.
    """
    keys = np.rint(cosines * _RESOLUTION).astype(np.int32) * 2 + np.logical_not(hits).astype(np.int32)
    keys[ignored] = _IGNORED
    return keys


def _block(keys: npt.NDArray[np.int32]) -> npt.NDArray[np.float64]:
    """int32 [q, n] → the average precision of each row."""
    keys.sort(axis=1)
    rows, places = np.nonzero(keys[:, ::-1] % 2 == 0)
    per_row = np.bincount(rows, minlength=len(keys))
    first = np.concatenate([[0], np.cumsum(per_row)[:-1]])
    found = np.arange(len(rows)) - first[rows] + 1
    total = np.bincount(rows, weights=found / (places + 1), minlength=len(keys))
    precisions: npt.NDArray[np.float64] = np.divide(total, per_row, out=np.full(len(keys), np.nan), where=per_row > 0)
    return precisions
