"""The `srcset` attribute: candidates of one picture, and which of them to take."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# What no honest page reaches; it bounds the work on a dishonest one.
_LONGEST = 20_000
_SPACE = " \t\n\r\f"
_WORDS = 2  # of a candidate: its address and its width
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
    return _parse_plain(value) or _parse_any(value)


def _parse_plain(value: str) -> list[Candidate] | None:
    """As `_parse_any`, three times as fast, for what nearly all are like: `a.jpg 320w, b.jpg 640w`; None for others."""
    if not (value.isascii() and value.isprintable()):  # so that the blank is the only white space
        return None
    found = []
    for one in value.split(","):
        words = one.split()
        if len(words) != _WORDS or words[1][-1] != "w" or not words[1][:-1].isdigit():
            return None
        found.append(Candidate(words[0], float(words[1][:-1])))
    return found


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
    fitting = narrowest = densest = None
    for candidate in candidates:
        reference, width, density = candidate
        if not reference:
            continue
        if width <= 0:
            if densest is None or density > densest.density:
                densest = candidate
        elif width > widest:
            if narrowest is None or width < narrowest.width:
                narrowest = candidate
        elif fitting is None or width > fitting.width:
            fitting = candidate
    return fitting or narrowest or densest
