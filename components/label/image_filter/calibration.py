"""Standardises and calibrates CLIP's cosine between a picture and "name, description".

Cosines of different texts differ in level and spread. So a cosine is standardised per text against
reference pictures of the crawl: z = (cos - mean) / deviation. Pairs that match unambiguously (a
name with one meaning that covers its alt text) have a mean m1, pairs with another picture's text a
mean m0, and with their common deviation s

    log P(z | shows it) - log P(z | does not) = (m1 - m0) / s^2 * (z - (m1 + m0) / 2)

by the equal-variance normal model. The filter is as strong as its CLIP is good: if that separates
matched from unmatched pairs no better than chance, it is ignored. The threshold is a low quantile
of the matched pairs' z (MOFI paper, "image filter").
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import numpy.typing as npt

Matrix = npt.NDArray[np.float32]

# Limit of the log-odds by the picture, in nats (about 1 : 50).
_MAX_LOG_ODDS = 4.0
_SMALLEST_DEVIATION = 1e-4
# Standard errors by which the AUC must exceed 0.5.
_MIN_STANDARD_ERRORS = 3.0
_NO_THRESHOLD = -1e9


@dataclass(frozen=True)
class Calibration:
    """Measured on matched and unmatched pairs of the crawl."""

    slope: float  # (m1 - m0) / s^2, nats per unit of z; 0 = no better than chance
    middle: float  # (m1 + m0) / 2, where the odds are even
    threshold: float  # least z that is kept
    auc: float  # chance that a matched pair scores above an unmatched one
    pairs: int

    def log_odds(self, z: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
        """The picture's log-likelihood ratio for each z, clipped, nats."""
        return np.clip(self.slope * (z - self.middle), -_MAX_LOG_ODDS, _MAX_LOG_ODDS)


UNCALIBRATED = Calibration(slope=0.0, middle=0.0, threshold=_NO_THRESHOLD, auc=0.5, pairs=0)


@dataclass(frozen=True)
class ScoreStatistics:
    """Mean and deviation of each text's cosines with the reference pictures, [n] each."""

    mean: npt.NDArray[np.float64]
    deviation: npt.NDArray[np.float64]


def score_statistics(texts: Matrix, references: Matrix) -> ScoreStatistics:
    """Statistics of texts [n, d] over reference pictures [r, d], L2-normalised; r may be 0."""
    if not len(references):
        return ScoreStatistics(np.zeros(len(texts)), np.ones(len(texts)))
    cosines = (texts @ references.T).astype(np.float64)
    return ScoreStatistics(cosines.mean(axis=1), np.maximum(cosines.std(axis=1), _SMALLEST_DEVIATION))


def calibrate(matched: Sequence[float], unmatched: Sequence[float], quantile: float) -> Calibration:
    """From the z of matched and unmatched pairs; `UNCALIBRATED` if AUC is no better than chance."""
    if len(matched) < 2 or len(unmatched) < 2:
        return UNCALIBRATED
    right, wrong = np.sort(np.asarray(matched)), np.sort(np.asarray(unmatched))
    below = np.searchsorted(wrong, right, side="left") + np.searchsorted(wrong, right, side="right")
    auc = float(below.mean() / (2 * len(wrong)))
    # Standard error of the AUC if both samples have one distribution (Mann-Whitney).
    error = math.sqrt((len(right) + len(wrong) + 1) / (12 * len(right) * len(wrong)))
    if auc < 0.5 + _MIN_STANDARD_ERRORS * error:
        return replace(UNCALIBRATED, auc=auc, pairs=len(right))
    variance = float(np.concatenate([right - right.mean(), wrong - wrong.mean()]).var())
    return Calibration(
        slope=float(right.mean() - wrong.mean()) / max(variance, _SMALLEST_DEVIATION),
        middle=float(right.mean() + wrong.mean()) / 2,
        # Quantile 0 filters nothing, even a picture that scores below all matched pairs.
        threshold=float(np.quantile(right, quantile)) if quantile > 0 else _NO_THRESHOLD,
        auc=auc,
        pairs=len(right),
    )
