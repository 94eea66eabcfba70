"""What charts in SVG files share: a page that follows light and dark schemes, and basic shapes."""

from collections.abc import Sequence
from html import escape

WIDTH, HEIGHT = 720, 420
INK, SOFT, GRID, CURVE, LIMIT = "#1d1f24", "#62666f", "#e6e3dd", "#1f5fbf", "#d9730d"
PAPER, OTHER = "#ffffff", "#8a8f99"
# Colours are attributes, which every program draws. Browsers apply these rules on top of them.
_DARK = {
    PAPER: "#1c1f25", INK: "#e8e9ec", SOFT: "#9ba1ac", GRID: "#30343c",
    CURVE: "#7fb0ff", LIMIT: "#ffa45c", OTHER: "#a8b0bd",
}  # fmt: skip
_FONT = "system-ui, 'Segoe UI', Roboto, 'Helvetica Neue', 'DejaVu Sans', sans-serif"


def page(title: str, described: str, left: float, parts: Sequence[str]) -> str:
    """An SVG of `WIDTH` x `HEIGHT` px: a title at `left`, and the parts.

    `described` is for screen readers.
    """
    head = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {HEIGHT}" width="{WIDTH}" height="{HEIGHT}" '
        f'font-family="{_FONT}" font-size="12" role="img" aria-label="{escape(described)}">',
        f"<style>@media (prefers-color-scheme: dark) {{ {_dark()} }}</style>",
        f'<rect width="{WIDTH}" height="{HEIGHT}" fill="{PAPER}"/>',
        f'<text x="{left}" y="24" font-size="15" font-weight="600" fill="{INK}">{escape(title)}</text>',
    ]
    return "\n".join([*head, *parts, "</svg>"]) + "\n"


def _dark() -> str:
    """Rules that replace each colour, wherever an attribute names it."""
    return " ".join(
        f'[{attribute}="{light}"] {{ {attribute}: {dark} }}'
        for light, dark in _DARK.items()
        for attribute in ("fill", "stroke")
    )


def line(x1: float, y1: float, x2: float, y2: float, colour: str, more: str = "") -> str:
    """A straight line; `more` are further attributes."""
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="{colour}"{more}/>'


def text(x: float, y: float, words: str, anchor: str, colour: str = SOFT) -> str:
    """Words at a place; `anchor` is SVG's `start`, `middle` or `end`."""
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" fill="{colour}">{escape(words)}</text>'
