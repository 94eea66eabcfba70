"""Links the mentions of one picture, with a reason for each candidate."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.label import format as reasons
from components.label.format import Decision, Label
from components.label.image_filter.calibration import Calibration
from components.label.linking.disambiguate import CandidateSet, Context, probabilities
from components.label.parameters import LabelParameters


@dataclass(frozen=True)
class Linkable:
    """A mention with its n candidates.

    `candidates` has the embeddings and priors of `entity_ids`; `image_scores` are z, [n].
    """

    start: int
    end: int
    in_subject: bool
    coverage: float
    entity_ids: tuple[str, ...]
    candidates: CandidateSet
    image_scores: npt.NDArray[np.float64]


@dataclass(frozen=True)
class _Verdict:
    """A reason per candidate of a mention, and the candidate that may become a label."""

    reasons: list[str]
    winner: int | None = None
    score: float = 0.0


def link(
    text: str,
    mentions: Sequence[Linkable],
    context: Context,
    calibration: Calibration,
    parameters: LabelParameters,
    barred: Sequence[Decision] = (),
) -> Label:
    """Scores candidates by text, then by picture; keeps `max_entities` (MOFI paper, Building I2E).

    `barred` are decisions on candidates that were ruled out before; they are only included.
    """
    by_text = probabilities([m.candidates for m in mentions], context, parameters.weights, parameters.iterations)
    verdicts = [
        _judge(mention, text_scores, calibration, parameters)
        for mention, text_scores in zip(mentions, by_text, strict=True)
    ]
    entities: list[str] = []
    ranked = sorted((-v.score, n) for n, v in enumerate(verdicts) if v.winner is not None)
    for _, n in ranked:
        winner = verdicts[n].winner
        assert winner is not None
        entity = mentions[n].entity_ids[winner]
        if entity in entities:
            verdicts[n].reasons[winner] = reasons.REPEATED
        elif len(entities) >= parameters.max_entities:
            verdicts[n].reasons[winner] = reasons.SURPLUS
        else:
            verdicts[n].reasons[winner] = reasons.KEPT
            entities.append(entity)
    decisions = [
        Decision(
            text[m.start : m.end],
            m.start,
            m.end,
            m.entity_ids[c],
            float(text_scores[c]),
            float(m.image_scores[c]),
            verdict.reasons[c] == reasons.KEPT,
            verdict.reasons[c],
        )
        for m, text_scores, verdict in zip(mentions, by_text, verdicts, strict=True)
        for c in sorted(range(len(text_scores)), key=lambda c: (-text_scores[c], c))
    ]
    return Label(tuple(entities), tuple(sorted([*decisions, *barred], key=lambda d: d.start)))


def _judge(
    mention: Linkable, text_scores: npt.NDArray[np.float64], calibration: Calibration, parameters: LabelParameters
) -> _Verdict:
    count = len(text_scores)
    if not mention.in_subject:
        return _Verdict([reasons.NOT_SUBJECT] * count)
    if mention.coverage < parameters.min_coverage:
        return _Verdict([reasons.MODIFIER] * count)
    best = int(np.argmax(text_scores))
    why = [reasons.RIVAL] * count
    if text_scores[best] < parameters.min_probability:
        why[best] = reasons.UNLIKELY
        return _Verdict(why)
    odds = parameters.image_weight * calibration.log_odds(mention.image_scores)
    joint = text_scores * np.exp(odds)
    joint /= joint.sum() + max(0.0, 1.0 - float(text_scores.sum()))
    winner = int(np.argmax(joint))
    if winner != best:
        why[best] = reasons.IMAGE_RIVAL
    if joint[winner] < parameters.min_probability:
        why[winner] = reasons.IMAGE_UNLIKELY if winner == best else reasons.RIVAL
        return _Verdict(why)
    if mention.image_scores[winner] < calibration.threshold:
        why[winner] = reasons.IMAGE_THRESHOLD
        return _Verdict(why)
    return _Verdict(why, winner, float(joint[winner]) * mention.coverage)
