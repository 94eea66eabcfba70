"""The rank/frequency chart of the data card, as SVG that stands on its own."""

import math
from collections.abc import Sequence

from components.svg import CURVE, GRID, HEIGHT, LIMIT, WIDTH, line, page, text

_LEFT, _RIGHT, _TOP, _BOTTOM = 64, 32, 44, 52


def rank_frequency(images: Sequence[int], least: int) -> str:
    """Pictures per entity by rank, both logarithmic, with a line at the vocabulary's minimum.

    Args:
        images: pictures of each entity, in any order; at least one.
        least: where the line is drawn.
    """
    ordered = sorted(images, reverse=True)
    decades_x, decades_y = _decades(len(ordered)), _decades(ordered[0])

    def x(rank: float) -> float:
        return _LEFT + math.log10(rank) / decades_x * (WIDTH - _LEFT - _RIGHT)

    def y(count: float) -> float:
        return HEIGHT - _BOTTOM - math.log10(count) / decades_y * (HEIGHT - _TOP - _BOTTOM)

    parts: list[str] = []
    for value in _ticks(decades_x):
        parts.append(line(x(value), _TOP, x(value), HEIGHT - _BOTTOM, GRID))
        parts.append(text(x(value), HEIGHT - _BOTTOM + 18, f"{value:,}", "middle"))
    for value in _ticks(decades_y):
        parts.append(line(_LEFT, y(value), WIDTH - _RIGHT, y(value), GRID))
        parts.append(text(_LEFT - 8, y(value) + 4, f"{value:,}", "end"))
    parts.append(text((_LEFT + WIDTH - _RIGHT) / 2, HEIGHT - 12, "rank of the entity", "middle"))
    middle = (_TOP + HEIGHT - _BOTTOM) / 2
    parts.append(f'<g transform="translate(16 {middle:.1f}) rotate(-90)">{text(0, 0, "pictures", "middle")}</g>')
    if 1 < least <= 10**decades_y:
        dashes = ' stroke-dasharray="5 4"'
        parts.append(line(_LEFT, y(least), WIDTH - _RIGHT, y(least), LIMIT, dashes))
        parts.append(text(_LEFT + 6, y(least) + 15, f"minimum of {least}", "start", LIMIT))
    corners = _corners(ordered)
    path = " ".join(f"{x(rank):.1f},{y(count):.1f}" for rank, count in corners)
    parts.append(f'<polyline points="{path}" fill="none" stroke="{CURVE}" stroke-width="2" stroke-linejoin="round"/>')
    return page("Pictures per entity, by rank", "Pictures per entity by rank, both axes logarithmic", _LEFT, parts)


def _decades(largest: int) -> int:
    """Powers of ten that an axis from 1 to `largest` needs, at least one."""
    return max(1, len(str(max(1, largest - 1))))


def _ticks(decades: int) -> list[int]:
    steps = (1, 2, 5) if decades <= 3 else (1,)
    return [step * 10**power for power in range(decades) for step in steps] + [10**decades]


def _corners(ordered: Sequence[int]) -> list[tuple[int, int]]:
    """(rank, pictures) at both ends of every run of equal counts: all that a line needs."""
    last = len(ordered) - 1
    return [
        (n + 1, count)
        for n, count in enumerate(ordered)
        if n in (0, last) or ordered[n - 1] != count or ordered[n + 1] != count
    ]
