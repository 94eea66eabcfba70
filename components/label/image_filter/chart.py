"""Chart of the image filter's calibration: matched and shuffled pairs, threshold, even odds."""

import math
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from components.label.image_filter.calibration import Calibration
from components.svg import CURVE, GRID, HEIGHT, INK, LIMIT, OTHER, WIDTH, line, page, text

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 32, 74, 52
_BINS = 48
# This share of the scores at either end is drawn in the outermost column.
_OUTLIERS = 0.002
# (colour, dashes): the two differ without their colours, too.
_MATCHED, _SHUFFLED = (CURVE, "none"), (OTHER, "4 3")
_TITLE = "Scores of pictures with their own text and with another’s"


def calibration_chart(matched: Sequence[float], shuffled: Sequence[float], calibration: Calibration) -> str:
    """SVG histogram of matched and shuffled pairs by score z; without pairs, a note."""
    summary = _summary(calibration)
    described = f"Histogram of matched and of shuffled pairs by score. {summary}"
    parts = [text(_LEFT, 44, summary, "start")]
    if not len(matched) or not len(shuffled):
        return page(_TITLE, described, _LEFT, parts)
    edges = _edges(np.concatenate([matched, shuffled]))
    low, high = float(edges[0]), float(edges[-1])
    shares = [_shares(np.asarray(scores), edges) for scores in (matched, shuffled)]
    highest = max(float(values.max()) for values in shares)

    def x(score: float) -> float:
        return _LEFT + (min(max(score, low), high) - low) / (high - low) * (WIDTH - _LEFT - _RIGHT)

    def y(share: float) -> float:
        return HEIGHT - _BOTTOM - share / highest * (HEIGHT - _TOP - _BOTTOM)

    for share in (0.0, highest / 2, highest):
        parts.append(line(_LEFT, y(share), WIDTH - _RIGHT, y(share), GRID))
        parts.append(text(_LEFT - 8, y(share) + 4, f"{100 * share:.1f} %", "end"))
    for score in range(math.ceil(low), math.floor(high) + 1):
        parts.append(text(x(score), HEIGHT - _BOTTOM + 18, f"{score}".replace("-", "−"), "middle"))
    parts.append(
        text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 12, "score z: deviations from the text’s mean cosine", "middle")
    )
    for values, (colour, dashes) in zip(shares[::-1], (_SHUFFLED, _MATCHED), strict=True):
        corners = [(edges[n + side], value) for n, value in enumerate(values) for side in (0, 1)]
        outline = " ".join(f"{x(score):.1f},{y(value):.1f}" for score, value in [(low, 0.0), *corners, (high, 0.0)])
        parts.append(
            f'<polygon points="{outline}" fill="{colour}" fill-opacity="0.16" stroke="{colour}" stroke-width="1.6" '
            f'stroke-dasharray="{dashes}"/>'
        )
    for n, (name, (colour, dashes)) in enumerate((("own text", _MATCHED), ("another picture’s text", _SHUFFLED))):
        y_key, right = 24 + 20 * n, WIDTH - _RIGHT
        parts.append(text(right - 36, y_key, name, "end", colour))
        parts.append(
            line(right - 28, y_key - 4, right, y_key - 4, colour, f' stroke-width="2" stroke-dasharray="{dashes}"')
        )
    if calibration.slope:
        if calibration.threshold >= low:
            parts.append(_mark(x(calibration.threshold), "threshold", LIMIT, "end"))
        parts.append(_mark(x(calibration.middle), "even odds", INK, "start"))
    return page(_TITLE, described, _LEFT, parts)


def _summary(calibration: Calibration) -> str:
    if calibration.pairs == 0:
        return "No pair of the crawl is beyond doubt, so CLIP could not be calibrated and has no say."
    summary = f"AUC {calibration.auc:.3f} over {calibration.pairs:,} pairs"
    return summary if calibration.slope else f"{summary}, which may be chance: CLIP has no say"


def _edges(scores: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    low, high = np.quantile(scores, [_OUTLIERS, 1 - _OUTLIERS])
    return np.linspace(low, high if high > low else low + 1.0, _BINS + 1)


def _shares(scores: npt.NDArray[np.float64], edges: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    counts, _ = np.histogram(scores.clip(edges[0], edges[-1]), edges)
    return np.asarray(counts / len(scores))


def _mark(x: float, name: str, colour: str, anchor: str) -> str:
    dashes = ' stroke-dasharray="5 4" stroke-width="1.4"'
    offset = -6 if anchor == "end" else 6
    return line(x, _TOP - 12, x, HEIGHT - _BOTTOM, colour, dashes) + text(x + offset, _TOP - 4, name, anchor, colour)
