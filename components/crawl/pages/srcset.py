"""The `srcset` attribute: parsing and choosing candidates."""

import re
from collections.abc import Iterable
from typing import NamedTuple

# Longer than on any real page; it bounds the work on a hostile one.
_MAX_LENGTH = 20_000
_SPACE = " \t\n\r\f"
_WORDS = 2  # of a candidate: URL and width
_NEXT_SPACE = re.compile(f"[{_SPACE}]")
_PLAIN = re.compile(r"(?<![^ ,])([^ ,]++) +(\d+)w *(?:,|$)")
_DESCRIPTOR = re.compile(r"(\d+(?:\.\d+)?|\.\d+)([wx])", re.IGNORECASE)


class Candidate(NamedTuple):
    """One URL of a picture, its width in px (0 = undeclared) and density (1 = undeclared)."""

    reference: str
    width: float = 0.0
    density: float = 1.0


# As a plain tuple, which is made in a third of the time.
AnyCandidate = Candidate | tuple[str, float, float]


def parse_srcset(value: str) -> list[AnyCandidate]:
    """The candidates of a `srcset` in order, by HTML's parsing algorithm.

    URLs may contain commas (only a trailing one separates), as those of image services often do.
    """
    value = value[:_MAX_LENGTH]
    return _parse_plain(value) or _parse_any(value)


def _parse_plain(value: str) -> list[AnyCandidate] | None:
    """A fast path for the common `a.jpg 320w, b.jpg 640w`; None for others."""
    if not (value.isascii() and value.isprintable()):  # so that the space is the only white space
        return None
    found = _PLAIN.findall(value)
    if len(found) != value.count(",") + 1 or len(value.split()) != _WORDS * len(found):
        return None
    return [(reference, float(width), 1.0) for reference, width in found]


def _parse_any(rest: str) -> list[AnyCandidate]:
    candidates: list[AnyCandidate] = []
    while rest := rest.lstrip(_SPACE + ","):
        reference = _NEXT_SPACE.split(rest, maxsplit=1)[0]
        rest = rest[len(reference) :]
        if reference.endswith(","):
            candidates.append(Candidate(reference.rstrip(",")))
            continue
        descriptors, _, rest = rest.partition(",")
        candidates.append(_described(reference, descriptors))
    return [candidate for candidate in candidates if candidate[0]]


def _described(reference: str, descriptors: str) -> Candidate:
    width, density = 0.0, 1.0
    for word in descriptors.split():
        match = _DESCRIPTOR.fullmatch(word)
        if match and match[2].lower() == "w":
            width = float(match[1])
        elif match:
            density = float(match[1])
    return Candidate(reference, width, density)


def best(candidates: Iterable[AnyCandidate], width: float) -> AnyCandidate | None:
    """The widest candidate up to `width` px, or without widths the densest.

    If the widest has less than half of `width`, a wider one that is nearer by ratio is better, as a
    picture of 1600 px is to one of 150 when 1024 are wanted. Embedded pictures (`data:`) come last.
    Among equals the first wins, so callers list the most trusted candidate first.
    """
    fitting, narrowest, densest, embedded = _classes(candidates, width)
    if fitting is None or (narrowest is not None and fitting[1] * 2 < width and _nearer(narrowest, fitting, width)):
        return narrowest or fitting or densest or embedded
    return fitting


def summarize(candidates: Iterable[AnyCandidate], width: float) -> tuple[AnyCandidate, ...]:
    """At most four candidates that `best` chooses among as it would among all."""
    return tuple(candidate for candidate in _classes(candidates, width) if candidate is not None)


def _nearer(wide: AnyCandidate, narrow: AnyCandidate, width: float) -> bool:
    return wide[1] * narrow[1] < width * width


def _classes(candidates: Iterable[AnyCandidate], width: float) -> tuple[AnyCandidate | None, ...]:
    """The best of those up to `width`, of the wider, of those without width, of the embedded."""
    fitting: AnyCandidate | None = None
    narrowest: AnyCandidate | None = None
    densest: AnyCandidate | None = None
    embedded: AnyCandidate | None = None
    for candidate in candidates:
        reference, wide, density = candidate
        if not reference:
            continue
        if reference[4:5] == ":" and reference[:5].lower() == "data:":
            embedded = embedded or candidate
        elif wide <= 0:
            if densest is None or density > densest[2]:
                densest = candidate
        elif wide > width:
            if narrowest is None or wide < narrowest[1]:
                narrowest = candidate
        elif fitting is None or wide > fitting[1]:
            fitting = candidate
    return fitting, narrowest, densest, embedded
