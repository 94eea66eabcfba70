"""Charts as SVG text. Colours are classes, for light and dark; shapes and dashes say the same."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape

from markupsafe import Markup

from components.report import marks

Points = Sequence[tuple[float, float]]
_STEPS = (1.0, 2.0, 5.0, 10.0)


@dataclass(frozen=True)
class Dot:
    """A picture on the map: position in [0, 1], group (hue and shape), and maybe a thumbnail."""

    x: float
    y: float
    group: str
    title: str
    thumbnail: str | None = None


def ticks(low: float, high: float, most: int = 5) -> list[tuple[float, str]]:
    """The round numbers in [low, high], at most so many: (number, label).

    They lie 1, 2 or 5 times a power of ten apart. Without a range, there is one: `low`.
    """
    if not high > low:
        return [(low, f"{low:,.12g}")]
    least = (high - low) / most
    power = math.floor(math.log10(least))
    step = next(step for factor in _STEPS if (step := factor * 10.0**power) >= least * (1 - 1e-9))
    digits = max(0, -math.floor(math.log10(step) + 1e-9))
    slack = 1e-9 * step
    first, last = math.ceil((low - slack) / step), math.floor((high + slack) / step)
    numbers = [n * step for n in range(first, last + 1)]
    return [(number, f"{number:,.{digits}f}") for number in numbers[:most]]


def lines(curves: Mapping[str, Points], x_label: str, width: int = 420, height: int = 200) -> Markup:
    """Curves over a common x axis; the n-th has the class `series-n` and dashes of its own."""
    left, right, top, bottom = 46, 12, 12, 34
    points = [point for curve in curves.values() for point in curve]
    if not points:
        return Markup("")
    x_low, x_high = min(p[0] for p in points), max(p[0] for p in points)
    y_low, y_high = min(0.0, *(p[1] for p in points)), max(p[1] for p in points)

    def position(x: float, y: float) -> tuple[float, float]:
        return (
            left + (x - x_low) / max(x_high - x_low, 1e-9) * (width - left - right),
            height - bottom - (y - y_low) / max(y_high - y_low, 1e-9) * (height - top - bottom),
        )

    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(", ".join(curves))}">']
    for y, label in ticks(y_low, y_high):
        _, py = position(x_low, y)
        parts.append(f'<line class="grid" x1="{left}" y1="{py:.1f}" x2="{width - right}" y2="{py:.1f}"/>')
        parts.append(f'<text class="tick" x="{left - 6}" y="{py + 4:.1f}" text-anchor="end">{label}</text>')
    for x, label in ticks(x_low, x_high):
        px, _ = position(x, y_low)
        anchor = "end" if px > width - right - 20 else "middle"
        parts.append(f'<text class="tick" x="{px:.1f}" y="{height - 19}" text-anchor="{anchor}">{label}</text>')
    middle = left + (width - left - right) / 2
    parts.append(f'<text class="tick" x="{middle:.0f}" y="{height - 4}" text-anchor="middle">{escape(x_label)}</text>')
    for number, (name, curve) in enumerate(curves.items()):
        path = " ".join(f"{px:.1f},{py:.1f}" for px, py in (position(x, y) for x, y in curve))
        style = f'class="series-{marks.hue(number)}" stroke-dasharray="{marks.dashes(number)}"'
        parts.append(f'<polyline {style} points="{path}"><title>{escape(name)}</title></polyline>')
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text in it is escaped


def scatter(dots: Sequence[Dot], groups: Sequence[str], width: int = 960, height: int = 640, side: int = 30) -> Markup:
    """A map: a mark of the group's hue and shape per picture, and thumbnails in marked frames."""
    pad = side
    number = {group: n for n, group in enumerate(groups)}

    def position(dot: Dot) -> tuple[float, float]:
        return pad + dot.x * (width - 2 * pad), pad + (1 - dot.y) * (height - 2 * pad)

    def mark(group: str, x: float, y: float, more: str = "") -> str:
        n = number[group]
        return f'<use class="group-{marks.hue(n)}{more}" href="#mark-{marks.shape(n)}" x="{x:.1f}" y="{y:.1f}"/>'

    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="Map of the embeddings"><defs>']
    used = sorted({marks.shape(n) for n in number.values()})
    parts += [f'<path id="mark-{shape}" d="{marks.SHAPES[shape]}"/>' for shape in used]
    parts.append("</defs>")
    for dot in dots:
        parts.append(mark(dot.group, *position(dot)))
    for dot in dots:
        if dot.thumbnail:
            x, y = position(dot)
            half = side / 2
            corner = f'x="{x - half:.1f}" y="{y - half:.1f}" width="{side}" height="{side}"'
            title = escape(f"{dot.title} ({dot.group})")
            parts.append(f'<g><title>{title}</title><image {corner} href="{dot.thumbnail}"/>')
            parts.append(f'<rect class="frame group-{marks.hue(number[dot.group])}" {corner} rx="3"/>')
            parts.append(mark(dot.group, x + half - 1, y + half - 1, " badge") + "</g>")
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text in it is escaped


def columns(edges: Sequence[float], counts: Sequence[int], x_label: str, width: int = 340, height: int = 190) -> Markup:
    """A histogram: bins' edges below, as far as there is room, and their counts in tooltips."""
    left, right, top, bottom = 18, 18, 20, 42
    step = (width - left - right) / len(counts)
    highest = max(counts)
    base = height - bottom
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(x_label)}">']
    for n, count in enumerate(counts):
        tall = count / highest * (base - top)
        box = f'x="{left + n * step + 1:.1f}" y="{base - tall:.1f}" width="{step - 2:.1f}" height="{tall:.1f}"'
        title = f"{edges[n]:g} to {edges[n + 1]:g}: {count:,}"
        parts.append(f'<rect class="column" {box} rx="2"><title>{title}</title></rect>')
    middle = min(max(left + (counts.index(highest) + 0.5) * step, left + 20), width - right - 20)
    parts.append(f'<text class="tick" x="{middle:.1f}" y="{top - 7}" text-anchor="middle">{highest:,}</text>')
    parts.append(f'<line class="grid" x1="{left}" y1="{base}" x2="{width - right}" y2="{base}"/>')
    every = max(1, round(34 / step + 0.5))
    for n in range(0, len(edges), every):
        x = left + n * step
        parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 15}" text-anchor="middle">{edges[n]:g}</text>')
    parts.append(
        f'<text class="tick" x="{width / 2:.0f}" y="{height - 6}" text-anchor="middle">{escape(x_label)}</text>'
    )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text in it is escaped


def spans(rows: Sequence[tuple[str, float, float]], x_label: str, width: int = 900) -> Markup:
    """A line per row (title, start, end) from its start, at least 0, to its end, in order."""
    left, right, top, bottom, row = 18, 18, 6, 36, 14
    height = top + bottom + row * len(rows)
    last = max(end for _, _, end in rows) or 1.0
    base = height - bottom
    scale = (width - left - right) / last
    parts = [f'<svg viewBox="0 0 {width} {height}" role="img" aria-label="{escape(x_label)}">']
    for second, label in ticks(0.0, last):
        x = left + second * scale
        parts.append(f'<line class="grid" x1="{x:.1f}" y1="{top}" x2="{x:.1f}" y2="{base}"/>')
        parts.append(f'<text class="tick" x="{x:.1f}" y="{base + 15}" text-anchor="middle">{label}</text>')
    for n, (title, start, end) in enumerate(rows):
        box = f'x="{left + start * scale:.1f}" y="{top + n * row + 2}" width="{max(2.0, (end - start) * scale):.1f}"'
        parts.append(f'<rect class="column" {box} height="{row - 4}" rx="2"><title>{escape(title)}</title></rect>')
    parts.append(
        f'<text class="tick" x="{width / 2:.0f}" y="{height - 4}" text-anchor="middle">{escape(x_label)}</text>'
    )
    return Markup("".join([*parts, "</svg>"]))  # noqa: S704 - every text in it is escaped
