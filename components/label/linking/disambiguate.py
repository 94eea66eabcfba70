"""Collective disambiguation of mentions by prior, context and coherence.

MOFI paper, "text disambiguation": with entity embeddings e_c, the embedding t of alt text + caption
+ page title without the mentions (a name is no evidence of its own meaning), the page's profile g
and the mean o of the other mentions' current entities, a candidate c of a mention has the log-odds

    z_c = w_prior log prior_c + w_text cos(e_c, t) + w_page cos(e_c, g) + w_coherence cos(e_c, o)
          - w_case [the text writes c's name in small letters, and Wikidata does not]

and the probability softmax(z) over the mention's candidates and "none of them" (log-odds w_none).
The mean o and the probabilities are recomputed in turn, a few times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.label.parameters import WeightParameters
from components.label.vectors import Vector


@dataclass(frozen=True)
class Context:
    """Embedding [d] of a text's words, and its page's profile [d]; a zero vector is no evidence."""

    text: Vector
    page: Vector


@dataclass(frozen=True)
class CandidateSet:
    """The candidates of one mention.

    Attributes:
        embeddings: float32 [n, d], L2-normalised.
        priors: float32 [n].
        miscased: [n], 1 where the text writes a name small that Wikidata capitalises, else 0.
    """

    embeddings: npt.NDArray[np.float32]
    priors: npt.NDArray[np.float32]
    miscased: npt.NDArray[np.float32]


def probabilities(
    candidate_sets: Sequence[CandidateSet], context: Context, weights: WeightParameters, iterations: int
) -> list[npt.NDArray[np.float64]]:
    """The probability of each candidate of each mention; the rest to 1 is "none of them"."""
    if not candidate_sets:
        return []
    # The candidates of all mentions are stacked: numpy is as fast for ten mentions as for one.
    sizes = [len(candidates.priors) for candidates in candidate_sets]
    starts = np.cumsum([0, *sizes[:-1]])
    stack = CandidateSet(
        np.concatenate([candidates.embeddings for candidates in candidate_sets]),
        np.concatenate([candidates.priors for candidates in candidate_sets]),
        np.concatenate([candidates.miscased for candidates in candidate_sets]),
    )
    fixed = _evidence(stack, context, weights)
    current = _softmax(fixed, starts, sizes, weights.none)
    for _ in range(iterations if len(candidate_sets) > 1 else 0):
        # Mentions are re-scored against the previous round, so order has no effect.
        weighted = current.astype(np.float32)[:, np.newaxis] * stack.embeddings
        means = np.add.reduceat(weighted, starts, axis=0)
        others = np.repeat(_units(means.sum(axis=0) - means), sizes, axis=0)
        coherence = np.einsum("nd,nd->n", stack.embeddings, others)
        current = _softmax(fixed + weights.coherence * coherence, starts, sizes, weights.none)
    return [current[start : start + size] for start, size in zip(starts.tolist(), sizes, strict=True)]


def _units(vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    lengths = np.sqrt(np.einsum("md,md->m", vectors, vectors))[:, np.newaxis]
    return np.asarray(np.divide(vectors, lengths, out=np.zeros_like(vectors), where=lengths > 0), dtype=np.float32)


def _evidence(candidates: CandidateSet, context: Context, weights: WeightParameters) -> npt.NDArray[np.float64]:
    z = weights.prior * np.log(np.maximum(candidates.priors, 1e-6).astype(np.float64))
    z += weights.text * (candidates.embeddings @ context.text)
    z += weights.page * (candidates.embeddings @ context.page)
    z -= weights.case * candidates.miscased
    return np.asarray(z, dtype=np.float64)


def _softmax(
    z: npt.NDArray[np.float64], starts: npt.NDArray[np.intp], sizes: Sequence[int], none: float
) -> npt.NDArray[np.float64]:
    """Softmax within each mention, with "none of them" as one more candidate."""
    top = np.maximum(np.maximum.reduceat(z, starts), none)
    powers = np.exp(z - np.repeat(top, sizes))
    total = np.add.reduceat(powers, starts) + np.exp(none - top)
    return np.asarray(powers / np.repeat(total, sizes), dtype=np.float64)
