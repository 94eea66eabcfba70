"""Which of a name's entities a text means: prior, context and the other entities, scored together and repeatedly.

MOFI.md, "text disambiguation": with entity embeddings e_c, the embedding t of alt text + caption + page title without
the linked names (a name is no evidence of its own meaning), the page's profile g and the mean o of the other mentions' current
entities, a candidate c of a mention has the log-odds

    z_c = w_prior log prior_c + w_text cos(e_c, t) + w_page cos(e_c, g) + w_coherence cos(e_c, o)

and the probability softmax(z) over the mention's candidates and "none of them" (log-odds w_none). o is recomputed from the
probabilities, and they again from o, a few times.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.label.parameters import WeightParameters

Vector = npt.NDArray[np.float32]


@dataclass(frozen=True)
class Context:
    """What surrounds a text: its embedding [d], and its page's profile [d]; a zero vector says nothing."""

    text: Vector
    page: Vector


@dataclass(frozen=True)
class Choice:
    """The candidates of one mention: embeddings [n, d] (L2-normalised) and priors [n]."""

    embeddings: npt.NDArray[np.float32]
    priors: npt.NDArray[np.float32]


def unit(vector: Vector) -> Vector:
    """L2-normalised; a zero vector stays zero."""
    norm = float(np.linalg.norm(vector))
    return (vector / norm).astype(np.float32) if norm > 0 else vector


def probabilities(
    choices: Sequence[Choice], context: Context, weights: WeightParameters, iterations: int
) -> list[npt.NDArray[np.float64]]:
    """The probability of each candidate of each mention; what is missing to 1 is "none of them"."""
    fixed = [_evidence(choice, context, weights) for choice in choices]
    current = [_softmax(z, weights.none) for z in fixed]
    for _ in range(iterations if len(choices) > 1 else 0):
        # Each mention is re-scored against the others as they stood after the round before, so order plays no part.
        means = [p.astype(np.float32) @ choice.embeddings for p, choice in zip(current, choices, strict=True)]
        total = np.sum(means, axis=0)
        current = [
            _softmax(z + weights.coherence * (choice.embeddings @ unit(total - mean)), weights.none)
            for z, choice, mean in zip(fixed, choices, means, strict=True)
        ]
    return current


def _evidence(choice: Choice, context: Context, weights: WeightParameters) -> npt.NDArray[np.float64]:
    z = weights.prior * np.log(np.maximum(choice.priors, 1e-6).astype(np.float64))
    z += weights.text * (choice.embeddings @ context.text)
    z += weights.page * (choice.embeddings @ context.page)
    return np.asarray(z, dtype=np.float64)


def _softmax(z: npt.NDArray[np.float64], none: float) -> npt.NDArray[np.float64]:
    top = max(float(z.max()), none)
    powers = np.exp(z - top)
    return np.asarray(powers / (powers.sum() + np.exp(none - top)), dtype=np.float64)
