"""Learns `label.weights` from a gold file, by maximum likelihood.

For a mention with candidates c, evidence x_c = (log prior, cosine to the text, cosine to the other
entities, case) and "none of them" as one more choice, the stage has
P(c) = exp(w·x_c) / (exp(w_none) + sum_c' exp(w·x_c')). For the gold choices y_m of the mentions m
this minimises

    - sum_m log P(y_m)  +  strength / 2 * |w - w_present|²

over w = (prior, text, coherence, case, none), where y_m is "none of them" if the gold entity is not
among the candidates. Given x this is convex. As x depends on w by the mean of the other entities,
evidence and weights are computed alternately until the weights converge.

A gold text has no page, so `page` keeps its value; so does `none` where every mention means one of
its candidates.
"""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.label.gold.file import GoldText
from components.label.gold.linker import Case, GoldLinker
from components.label.linking.evidence import Numbers, evidence
from components.label.parameters import WeightParameters

FITTED = ("prior", "text", "coherence", "case", "none")
_MAX_ROUNDS = 20
_TOLERANCE = 1e-3
_DIGITS = 2


@dataclass(frozen=True)
class Examples:
    """Stacked choices of n mentions: `features` [rows, 5] in the order of `FITTED`.

    A mention's rows are its candidates, then "none of them"; they begin at `starts` [n], and
    `gold` [n] is the row of the gold choice.
    """

    features: Numbers
    starts: npt.NDArray[np.int64]
    gold: npt.NDArray[np.int64]
    none_is_right: int

    def __len__(self) -> int:
        return len(self.starts)


@dataclass(frozen=True)
class Fit:
    """The new weights; `figures` before and after, on the training and on the held-out texts."""

    weights: WeightParameters
    figures: dict[str, dict[str, Any]]

    @property
    def better(self) -> bool:
        """Whether the held-out log-loss improved."""
        held_out = self.figures["held_out"]
        return bool(held_out["mentions"] and held_out["log_loss_after"] < held_out["log_loss_before"])


def fit(texts: Sequence[GoldText], linker: GoldLinker, held_out: float, strength: float) -> Fit:
    """Learns from the texts that are not held out; compares old and new weights on both parts.

    Args:
        texts: of a gold file.
        linker: has the current weights.
        held_out: share of texts, [0, 1), to hold out, chosen by a hash of the text.
        strength: L2 penalty towards the current weights, in log-losses of a mention; 0 = none.

    Raises:
        InputError: if no mention to learn from has a candidate.
    """
    current = linker.parameters.weights
    parts = {
        "learnt_from": [text for text in texts if _uniform_hash(text.text) >= held_out],
        "held_out": [text for text in texts if _uniform_hash(text.text) < held_out],
    }
    known = {name: (linker.cases(own, linker.gold_spans(own)), own) for name, own in parts.items()}
    cases, own = known["learnt_from"]
    examples = _examples(cases, own, current, linker)
    if not len(examples):
        raise InputError(
            f"none of the {len(own)} texts to learn from has a mention with a candidate; "
            "give more texts, or a knowledge base that has their names"
        )
    new = _learn(cases, own, linker, strength)
    figures = {
        name: _compare(_examples(*part, current, linker), _examples(*part, new, linker), current, new, len(part[1]))
        for name, part in known.items()
    }
    return Fit(new, figures)


def _uniform_hash(text: str) -> float:
    """A number in [0, 1) that depends on the text alone."""
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big") / 2**64


def _learn(cases: Sequence[Case], texts: Sequence[GoldText], linker: GoldLinker, strength: float) -> WeightParameters:
    weights = linker.parameters.weights
    current = _vector(weights)
    for _ in range(_MAX_ROUNDS):
        found = minimise(_examples(cases, texts, weights, linker), current, strength)
        change = float(np.abs(found - _vector(weights)).max())
        weights = _with(weights, found)
        if change < _TOLERANCE:
            break
    return _with(weights, np.round(_vector(weights), _DIGITS))


def minimise(examples: Examples, current: Numbers, strength: float) -> Numbers:
    """The weights [5] with the least penalised log-loss, within the bounds of the parameters."""
    from scipy.optimize import minimize  # loads slowly

    free = np.array([name != "none" or examples.none_is_right > 0 for name in FITTED])
    bounds = [(low, high) if learnt else (w, w) for (low, high), learnt, w in zip(_BOUNDS, free, current, strict=True)]

    def loss(weights: Numbers) -> tuple[float, Numbers]:
        value, gradient = _loss(examples, weights)
        offset = weights - current
        return value + strength / 2 * float(offset @ offset), gradient + strength * offset

    found = minimize(loss, current, jac=True, method="L-BFGS-B", bounds=bounds, options={"maxiter": 500})
    return np.asarray(found.x, dtype=np.float64)


def _bounds() -> list[tuple[float, float]]:
    """Bounds of each of `FITTED`, as its field declares them."""
    bounds = []
    for name in FITTED:
        given = {type(m).__name__: m for m in WeightParameters.model_fields[name].metadata}
        bounds.append((float(given["Ge"].ge), float(given["Le"].le)))
    return bounds


_BOUNDS = _bounds()


def _loss(examples: Examples, weights: Numbers) -> tuple[float, Numbers]:
    """Log-loss, summed over the mentions, and its gradient [5]."""
    z = examples.features @ weights
    totals = np.logaddexp.reduceat(z, examples.starts)
    sizes = np.diff(np.append(examples.starts, len(z)))
    probabilities = np.exp(z - np.repeat(totals, sizes))
    value = float((totals - z[examples.gold]).sum())
    return value, examples.features.T @ probabilities - examples.features[examples.gold].sum(axis=0)


def _examples(
    cases: Sequence[Case], texts: Sequence[GoldText], weights: WeightParameters, linker: GoldLinker
) -> Examples:
    """The evidence that the stage computes with these weights."""
    iterations = linker.parameters.iterations
    blocks: list[Numbers] = []
    starts, gold, row, none_is_right = [], [], 0, 0
    for case, text in zip(cases, texts, strict=True):
        right = {(m.start, m.end): m.entity_ids for m in text.labels}
        for span, found in zip(
            case.spans, evidence(case.candidate_sets, case.context, weights, iterations), strict=True
        ):
            ids = [c.entity_id for c in span.candidates]
            gold_ids = right[span.start, span.end]
            position = next((n for n, entity in enumerate(ids) if entity in gold_ids), len(ids))
            block = np.zeros((len(ids) + 1, len(FITTED)))
            block[:-1, :-1] = np.stack([found.prior, found.text, found.coherence, found.case], axis=1)
            block[-1, -1] = 1.0
            blocks.append(block)
            starts.append(row)
            gold.append(row + position)
            none_is_right += position == len(ids)
            row += len(block)
    features = np.concatenate(blocks) if blocks else np.zeros((0, len(FITTED)))
    return Examples(features, np.array(starts, dtype=np.int64), np.array(gold, dtype=np.int64), none_is_right)


def _compare(
    before: Examples, after: Examples, current: WeightParameters, new: WeightParameters, texts: int
) -> dict[str, Any]:
    figures: dict[str, Any] = {"texts": texts, "mentions": len(before), "none_is_right": before.none_is_right}
    for name, examples, weights in (("before", before, current), ("after", after, new)):
        loss = _loss(examples, _vector(weights))[0] / len(examples) if len(examples) else None
        figures[f"log_loss_{name}"] = None if loss is None else round(loss, 4)
        figures[f"accuracy_{name}"] = _accuracy(examples, _vector(weights))
    return figures


def _accuracy(examples: Examples, weights: Numbers) -> float | None:
    """Share of mentions whose gold choice, "none of them" included, is the likeliest."""
    if not len(examples):
        return None
    z = examples.features @ weights
    best = np.maximum.reduceat(z, examples.starts)
    return round(float((z[examples.gold] >= best).mean()), 4)


def _vector(weights: WeightParameters) -> Numbers:
    return np.array([getattr(weights, name) for name in FITTED], dtype=np.float64)


def _with(weights: WeightParameters, learnt: Numbers) -> WeightParameters:
    values = dict(zip(FITTED, (float(value) for value in learnt), strict=True))
    return WeightParameters.model_validate(weights.model_dump() | values)
