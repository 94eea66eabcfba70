"""What charts in SVG files share: a white page, colours, and basic shapes."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 420
INK, SOFT, GRID, CURVE, LIMIT = "#1d1f24", "#62666f", "#e6e3dd", "#1f5fbf", "#d9730d"
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


def page(title: str, described: str, left: float, parts: Sequence[str]) -> str:
    """An SVG of `WIDTH` x `HEIGHT` px: a title at `left`, and the parts.

    `described` is for screen readers.
    """
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="{_FONT}" font-size="12" role="img" aria-label="{escape(described)}">',
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#ffffff"/>',
        f'<text x="{left}" y="24" font-size="15" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    """A straight line; `more` are further attributes."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def text(x: float, y: float, words: str, anchor: str, colour: str = SOFT) -> str:
    """Words at a place; `anchor` is SVG's `start`, `middle` or `end`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
