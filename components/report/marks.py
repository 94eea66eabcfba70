"""Marks that tell groups and curves apart without their colour: shapes, and dashes."""

from markupsafe import Markup

HUES = 12
# Paths around (0, 0) of about the same area; filled.
SHAPES = (
    "M-3.2 0a3.2 3.2 0 1 0 6.4 0a3.2 3.2 0 1 0 -6.4 0z",  # disc
    "M-2.9 -2.9h5.8v5.8h-5.8z",  # square
    "M0 -4.2L3.9 2.9H-3.9z",  # triangle
    "M0 -4.3L3.9 0L0 4.3L-3.9 0z",  # diamond
    "M-1.3 -4h2.6v2.7h2.7v2.6h-2.7v2.7h-2.6v-2.7h-2.7v-2.6h2.7z",  # plus
    "M0 4.2L3.9 -2.9H-3.9z",  # triangle, upside down
    "M0 -4.6L1.2 -1.5L4.4 -1.4L1.9 .6L2.7 3.7L0 1.9L-2.7 3.7L-1.9 .6L-4.4 -1.4L-1.2 -1.5z",  # star
    "M-3.8 -2L-2 -3.8L0 -1.8L2 -3.8L3.8 -2L1.8 0L3.8 2L2 3.8L0 1.8L-2 3.8L-3.8 2L-1.8 0z",  # cross
    "M-4.4 -1.5h8.8v3h-8.8z",  # bar, lying
    "M-1.5 -4.4h3v8.8h-3z",  # bar, standing
    "M-3.9 2.2a3.9 3.9 0 0 1 7.8 0z",  # half a disc
    "M-2 -3.5h4l2 3.5l-2 3.5h-4l-2 -3.5z",  # hexagon
)
DASHES = ("none", "7 3", "2 3", "9 3 2 3", "12 4", "4 2")


def hue(n: int) -> int:
    """The colour of the n-th group: `group-N`, `series-N` of the style sheet."""
    return n % HUES


def shape(n: int) -> int:
    """The shape of the n-th group. With its hue it is its own, for up to 144 groups."""
    return (n + n // HUES) % len(SHAPES)


def dashes(n: int) -> str:
    """The n-th curve's `stroke-dasharray`."""
    return DASHES[n % len(DASHES)]


def group_key(n: int) -> Markup:
    """The n-th group's mark, for a legend."""
    return Markup(
        '<svg class="key" viewBox="-5 -5 10 10" aria-hidden="true"><path class="group-{}" d="{}"/></svg>'
    ).format(hue(n), SHAPES[shape(n)])


def curve_key(n: int) -> Markup:
    """A piece of the n-th curve, for a legend."""
    return Markup(
        '<svg class="key line" viewBox="0 0 30 10" aria-hidden="true">'
        '<line class="series-{}" x1="0" y1="5" x2="30" y2="5" stroke-dasharray="{}"/></svg>'
    ).format(hue(n), dashes(n))
