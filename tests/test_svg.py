"""Charts in SVG files are legible in light and dark schemes."""

import re
from xml.etree.ElementTree import fromstring

import pytest

from components.curate.card.chart import rank_frequency
from components.label.image_filter.calibration import UNCALIBRATED, Calibration
from components.label.image_filter.chart import calibration_chart

CALIBRATED = Calibration(slope=1.0, middle=0.5, threshold=-0.5, auc=0.9, pairs=3)
CHARTS = {
    "rank and frequency": rank_frequency([9, 4, 4, 1], 2),
    "calibration": calibration_chart([1.0, 2.0, 2.5], [-1.0, 0.0, 0.5], CALIBRATED),
    "no calibration": calibration_chart([], [], UNCALIBRATED),
}


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())
def test_every_colour_of_a_chart_has_another_one_in_dark_mode(chart: str) -> None:
    drawing, rules = re.sub(r"<style>.*?</style>", "", chart), re.findall(r"<style>(.*?)</style>", chart)
    assert rules[0].startswith("@media (prefers-color-scheme: dark) {")
    used = set(re.findall(r'(?:fill|stroke)="#[0-9a-f]+"', drawing))
    assert used
    assert [colour for colour in used if f"[{colour}] {{" not in rules[0]] == []


@pytest.mark.parametrize("chart", CHARTS.values(), ids=CHARTS.keys())
def test_a_chart_is_well_formed(chart: str) -> None:
    fromstring(chart)


def test_own_and_foreign_texts_differ_in_their_dashes() -> None:
    assert re.findall(r'<polygon [^>]*stroke-dasharray="([^"]+)"', CHARTS["calibration"]) == ["4 3", "none"]
