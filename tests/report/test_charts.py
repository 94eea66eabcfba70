"""Bars and columns are as long as what they count; ticks are round; no group is a hue alone."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.report import charts, marks
from components.report.charts import Dot, ticks


def labels(low: float, high: float) -> list[str]:
    return [label for _, label in ticks(low, high)]


def test_columns_are_as_tall_as_their_counts() -> None:
    chart = charts.columns((1, 2, 4), (10, 5), "x")
    assert [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', chart)] == [128.0, 64.0]


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 7.09, ["0", "2", "4", "6"]),
        (0, 1, ["0.0", "0.2", "0.4", "0.6", "0.8"]),
        (64, 64_000, ["20,000", "40,000", "60,000"]),
        (0, 0.0031, ["0.000", "0.001", "0.002", "0.003"]),
        (-2.5, 2.5, ["-2", "-1", "0", "1", "2"]),
        (3, 3, ["3"]),
        (0, 0, ["0"]),
    ],
)
def test_ticks_are_round_numbers(low: float, high: float, expected: list[str]) -> None:
    assert labels(low, high) == expected


@given(st.floats(-1e9, 1e9), st.floats(1e-6, 1e9))
def test_ticks_lie_in_their_range_and_are_few(low: float, size: float) -> None:
    high = low + size
    if not high > low + 1e-9 * abs(low):
        return
    found = [number for number, _ in ticks(low, high)]
    assert 1 <= len(found) <= 5
    slack = 1e-6 * size + 1e-9 * abs(low)
    assert all(low - slack <= number <= high + slack for number in found)
    assert found == sorted(set(found))


def test_groups_differ_in_shape_even_when_their_hues_repeat() -> None:
    assert len({marks.shape(n) for n in range(marks.HUES)}) == marks.HUES
    assert len({(marks.hue(n), marks.shape(n)) for n in range(144)}) == 144


def test_every_dot_of_the_map_has_its_group_s_shape() -> None:
    groups = [f"group {n}" for n in range(14)]
    chart = charts.scatter([Dot(0.5, 0.5, group, "x.png") for group in groups], groups)
    used = re.findall(r'<use class="group-(\d+)" href="#mark-(\d+)"', chart)
    assert len(set(used)) == 14
    assert set(re.findall(r'<path id="mark-(\d+)"', chart)) >= {shape for _, shape in used}


def test_a_thumbnail_on_the_map_has_its_group_s_shape_in_the_corner() -> None:
    chart = charts.scatter([Dot(0.5, 0.5, "b", "x.png", "data:,")], ["a", "b"])
    assert '<use class="group-1 badge" href="#mark-1"' in chart


def test_curves_differ_in_their_dashes() -> None:
    chart = charts.lines({name: [(0, 0), (1, 1)] for name in "abc"}, "x")
    assert len(set(re.findall(r'stroke-dasharray="([^"]+)"', chart))) == 3
