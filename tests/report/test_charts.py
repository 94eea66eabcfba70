"""Bars and columns are as long as what they count."""

import re

from components.report import charts


def test_columns_are_as_tall_as_their_counts() -> None:
    chart = charts.columns((1, 2, 4), (10, 5), "x")
    assert [float(height) for height in re.findall(r'<rect [^>]*height="([\d.]+)"', chart)] == [128.0, 64.0]
