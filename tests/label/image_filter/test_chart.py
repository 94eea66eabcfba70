import io
import re

import numpy as np
import pytest
import resvg_py
from PIL import Image

from components.label.image_filter.calibration import UNCALIBRATED, calibrate
from components.label.image_filter.chart import calibration_chart

RNG = np.random.default_rng(0)
RIGHT, WRONG = list(RNG.normal(1.0, 1.0, 800)), list(RNG.normal(0.0, 1.0, 800))


def x_of(svg: str, name: str) -> float:
    return float(re.findall(rf'<line x1="([\d.]+)"[^>]*/><text[^>]*>{name}</text>', svg)[0])


def test_the_chart_can_be_drawn() -> None:
    svg = calibration_chart(RIGHT, WRONG, calibrate(RIGHT, WRONG, 0.02))
    drawn = Image.open(io.BytesIO(bytes(resvg_py.svg_to_bytes(svg_string=svg))))
    assert drawn.size == (720, 420)
    assert len(drawn.convert("RGB").getcolors(100_000) or []) > 5


def test_threshold_and_even_odds_are_in_the_order_of_their_scores() -> None:
    svg = calibration_chart(RIGHT, WRONG, calibrate(RIGHT, WRONG, 0.02))
    assert x_of(svg, "threshold") < x_of(svg, "even odds")


def test_an_uncalibrated_filter_has_neither() -> None:
    guesses = calibrate(WRONG, WRONG[::-1], 0.02)
    svg = calibration_chart(WRONG, WRONG[::-1], guesses)
    assert "may be chance" in svg
    assert "threshold" not in svg and "even odds" not in svg


def test_without_a_threshold_none_is_drawn() -> None:
    svg = calibration_chart(RIGHT, WRONG, calibrate(RIGHT, WRONG, 0.0))
    assert "threshold" not in svg and "even odds" in svg


@pytest.mark.parametrize("scores", [[], [1.0] * 40])
def test_no_pairs_and_equal_pairs_are_charts_too(scores: list[float]) -> None:
    svg = calibration_chart(scores, scores, UNCALIBRATED)
    assert resvg_py.svg_to_bytes(svg_string=svg)
