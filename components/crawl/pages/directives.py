"""Robots directives: `X-Robots-Tag`, `<meta name="robots">` and the TDM reservation protocol."""

from collections.abc import Iterable

# Directives of a picture's response or of its page that exclude it.
PICTURE_REFUSALS = ("noindex", "noimageindex", "noai", "noimageai", "tdm-reservation")
_RESERVATION = "tdm-reservation"
_ALL = {"none": ("noindex", "nofollow")}
# Directives with a value after a colon; any other name before a colon is a robot's.
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")


def header_values(robots: Iterable[str], reservations: Iterable[str]) -> list[str]:
    """Combines `X-Robots-Tag` and `TDM-Reservation` headers into directives."""
    reserved = [_RESERVATION] if any(value.strip() == "1" for value in reservations) else []
    return [*reserved, *robots]


def read_header(values: Iterable[str], robot: str) -> frozenset[str]:
    """The directives of `X-Robots-Tag` headers for all robots or this one, lower case.

    `googlebot: noindex, nofollow` applies to googlebot only; a name applies until the end of its
        header.
    """
    found: set[str] = set()
    for value in values:
        meant = True
        for part in value.lower().split(","):
            name, colon, rest = part.partition(":")
            if colon and name.strip() not in _VALUED:
                meant = name.strip() in ("*", robot)
                part = rest  # noqa: PLW2901
            if meant:
                found |= _expand(part)
    return frozenset(found)


def read_metas(metas: Iterable[tuple[str, str]], robot: str) -> frozenset[str]:
    """The directives of a page's `<meta>`s (names in lower case) for all robots or this one."""
    found: set[str] = set()
    for name, content in metas:
        if name in ("robots", robot):
            for part in content.lower().split(","):
                found |= _expand(part)
        elif name == _RESERVATION and content.strip() == "1":
            found.add(_RESERVATION)
    return frozenset(found)


def _expand(directive: str) -> frozenset[str]:
    directive = directive.strip()
    return frozenset(_ALL.get(directive, (directive,)) if directive else ())


def refusal(directives: frozenset[str]) -> str | None:
    """The first of `PICTURE_REFUSALS` among the directives; None if there is none."""
    return next((name for name in PICTURE_REFUSALS if name in directives), None)
