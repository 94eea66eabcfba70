"""The `srcset` attribute: candidates of one picture, and which of them to take."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# What no honest page reaches; it bounds the work on a dishonest one.
_LONGEST = 20_000
_SPACE = " \t\n\r\f"
# How nearly all are written: an address and a width, again and again.
_MEASURED = rf"[{_SPACE}]*([^{_SPACE},](?:[^{_SPACE}]*[^{_SPACE},])?)[{_SPACE}]+([0-9]+)w[{_SPACE}]*(?:,|\Z)"
_ONE_MEASURED, _ALL_MEASURED = re.compile(_MEASURED), re.compile(f"(?:{_MEASURED})+")
_NEXT_SPACE = re.compile(f"[{_SPACE}]")
_DESCRIPTOR = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([wx])", re.IGNORECASE)


class Candidate(NamedTuple):
    """One address of a picture: its width in pixels (0 = not said) and its pixel density (1 = not said)."""

    reference: str
    width: float = 0.0
    density: float = 1.0


def parse_srcset(value: str) -> list[Candidate]:
    """The candidates of a `srcset`, in order, as HTML's parsing algorithm finds them; broken descriptors are ignored.

    Addresses may hold commas (only one at their end separates), as those of image services often do.
    """
    value = value[:_LONGEST]
    if _ALL_MEASURED.fullmatch(value):
        return [Candidate(reference, float(width)) for reference, width in _ONE_MEASURED.findall(value)]
    return _parse_any(value)


def _parse_any(rest: str) -> list[Candidate]:
    candidates = []
    while rest := rest.lstrip(_SPACE + ","):
        reference = _NEXT_SPACE.split(rest, maxsplit=1)[0]
        rest = rest[len(reference) :]
        if reference.endswith(","):
            candidates.append(Candidate(reference.rstrip(",")))
            continue
        said, _, rest = rest.partition(",")
        candidates.append(_described(reference, said))
    return [c for c in candidates if c.reference]


def _described(reference: str, said: str) -> Candidate:
    width, density = 0.0, 1.0
    for word in said.split():
        match = _DESCRIPTOR.fullmatch(word)
        if match and match[2].lower() == "w":
            width = float(match[1])
        elif match:
            density = float(match[1])
    return Candidate(reference, width, density)


def best(candidates: Iterable[Candidate], widest: float) -> Candidate | None:
    """The widest candidate up to `widest` px, or the narrowest if all are wider; where no width is said, the densest.

    Among equals the first wins, so callers list what they trust most first.
    """
    listed = [c for c in candidates if c.reference]
    if len(listed) == 1:
        return listed[0]
    measured = [c for c in listed if c.width > 0]
    if not measured:
        return max(listed, key=lambda c: c.density, default=None)
    fitting = [c for c in measured if c.width <= widest]
    return max(fitting, key=lambda c: c.width) if fitting else min(measured, key=lambda c: c.width)
