"""The terms of a candidate's log-odds in `disambiguate`, one by one.

The stage itself needs only their sum; `explain` shows the terms, and `fit` learns their weights.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.label.linking.disambiguate import CandidateSet, Context, probabilities
from components.label.parameters import WeightParameters
from components.label.vectors import Vector, unit

Numbers = npt.NDArray[np.float64]
TERMS = ("prior", "text", "page", "coherence", "case")


@dataclass(frozen=True)
class Evidence:
    """Unweighted evidence for the n candidates of one mention, float64 [n] each.

    `prior` is the natural log of the prior; `text`, `page` and `coherence` are cosines to the
    context, the page's profile and the text's other entities (0 if there is none). `case` is -1
    where the text writes a name in small letters that Wikidata capitalises, else 0.
    """

    prior: Numbers
    text: Numbers
    page: Numbers
    coherence: Numbers
    case: Numbers

    def parts(self, weights: WeightParameters) -> dict[str, Numbers]:
        """Each term times its weight, [n], by name; they sum to the candidates' log-odds."""
        return {name: getattr(weights, name) * getattr(self, name) for name in TERMS}

    def log_odds(self, weights: WeightParameters) -> Numbers:
        """z of each candidate, [n]; "none of them" has `weights.none`."""
        return np.asarray(np.sum(list(self.parts(weights).values()), axis=0), dtype=np.float64)


def evidence(
    candidate_sets: Sequence[CandidateSet], context: Context, weights: WeightParameters, iterations: int
) -> list[Evidence]:
    """The evidence of the last round of `probabilities` with the same arguments.

    `softmax([log_odds, weights.none])` gives that function's probabilities. The weights matter here
    because the mean of the other entities depends on the previous rounds.
    """
    others = _others(candidate_sets, context, weights, iterations)
    return [
        Evidence(
            prior=np.log(np.maximum(candidates.priors, 1e-6).astype(np.float64)),
            text=(candidates.embeddings @ context.text).astype(np.float64),
            page=(candidates.embeddings @ context.page).astype(np.float64),
            coherence=(candidates.embeddings @ other).astype(np.float64),
            case=-candidates.miscased.astype(np.float64),
        )
        for candidates, other in zip(candidate_sets, others, strict=True)
    ]


def _others(
    candidate_sets: Sequence[CandidateSet], context: Context, weights: WeightParameters, iterations: int
) -> list[Vector]:
    """Per mention the unit mean of the others' entities before the last round; zero if none."""
    if iterations == 0 or len(candidate_sets) < 2:
        return [np.zeros_like(context.text) for _ in candidate_sets]
    before = probabilities(candidate_sets, context, weights, iterations - 1)
    means = [p.astype(np.float32) @ candidates.embeddings for p, candidates in zip(before, candidate_sets, strict=True)]
    total = np.sum(means, axis=0)
    return [unit(total - mean) for mean in means]
