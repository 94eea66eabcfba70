"""The `srcset` attribute: parsing and choosing candidates."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# Longer than on any real page; it bounds the work on a hostile one.
_MAX_LENGTH = 20_000
_SPACE = " \t\n\r\f"
_WORDS = 2  # of a candidate: URL and width
_NEXT_SPACE = re.compile(f"[{_SPACE}]")
_DESCRIPTOR = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([wx])", re.IGNORECASE)


class Candidate(NamedTuple):
    """One URL of a picture, its width in px (0 = undeclared) and density (1 = undeclared)."""

    reference: str
    width: float = 0.0
    density: float = 1.0


def parse_srcset(value: str) -> list[Candidate]:
    """The candidates of a `srcset` in order, by HTML's parsing algorithm.

    URLs may contain commas (only a trailing one separates), as those of image services often do.
    """
    value = value[:_MAX_LENGTH]
    return _parse_plain(value) or _parse_any(value)


def _parse_plain(value: str) -> list[Candidate] | None:
    """A fast path for the common `a.jpg 320w, b.jpg 640w`; None for others."""
    if not (value.isascii() and value.isprintable()):  # so that the space is the only white space
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
        descriptors, _, rest = rest.partition(",")
        candidates.append(_described(reference, descriptors))
    return [c for c in candidates if c.reference]


def _described(reference: str, descriptors: str) -> Candidate:
    width, density = 0.0, 1.0
    for word in descriptors.split():
        match = _DESCRIPTOR.fullmatch(word)
        if match and match[2].lower() == "w":
            width = float(match[1])
        elif match:
            density = float(match[1])
    return Candidate(reference, width, density)


def best(candidates: Iterable[Candidate], max_width: float) -> Candidate | None:
    """The widest candidate up to `max_width` px, else the narrowest; without widths, the densest.

    Among equals the first wins, so callers list the most trusted candidate first.
    """
    fitting = narrowest = densest = None
    for candidate in candidates:
        reference, width, density = candidate
        if not reference:
            continue
        if width <= 0:
            if densest is None or density > densest.density:
                densest = candidate
        elif width > max_width:
            if narrowest is None or width < narrowest.width:
                narrowest = candidate
        elif fitting is None or width > fitting.width:
            fitting = candidate
    return fitting or narrowest or densest
