"""What pages and responses ask of robots: `X-Robots-Tag`, `<meta>`s, reservations, preferences.

All are read leniently, and in doubt as a refusal: sites write them in many ways, and who writes
`noindex;` does not mean to be indexed.
"""

import re
from collections.abc import Callable, Iterable, Iterator
from functools import lru_cache

from components.crawl.pages.agent_name import EVERYONE, is_named, is_perhaps_named, plain
from components.crawl.pages.content_usage import training_preference

_ROBOTS, _RESERVATION = "x-robots-tag", "tdm-reservation"
_USAGE = "content-usage"
_USAGES = (_USAGE, "content-signal")
# The response headers, lower case, that `header_values` reads.
HEADERS = (_ROBOTS, _RESERVATION, *_USAGES)
# Directives of a picture's response or of its page that exclude it.
PICTURE_REFUSALS = ("noindex", "noimageindex", "noai", "noimageai", _RESERVATION, _USAGE)
# Other spellings, without hyphens, and what they mean.
_MEANINGS = {
    **{name.replace("-", ""): (name,) for name in (*PICTURE_REFUSALS, "nofollow")},
    "none": ("noindex", "nofollow"),
    "noimages": ("noimageindex",),
    "noindeximage": ("noimageindex",),
    "noaiimage": ("noimageai",),
    **dict.fromkeys(
        ("disallowaitraining", "noaiindex", "noaitraining", "nollm", "noml", "nomachinelearning", "notrain"), ("noai",)
    ),
}
# Directives with a value: the "none" of `max-image-preview: none` is no directive.
_VALUED = ("unavailable_after", "max-snippet", "max-image-preview", "max-video-preview")
# What is no robot's name before a colon.
_NO_NAMES = (*_VALUED, "content", "directives", "follow", "index", "noarchive", "nosnippet")
_WORDS = re.compile(r"[a-z0-9_.*-]+|:")
_MARKS = str.maketrans("", "", "-_.*")
_NEGATION = re.compile(r"(?<![a-z])no[ _-](?=[a-z])")
_LONGEST_NAME = 200  # characters of a `<meta>`'s name
_NOT_RESERVED = frozenset(("", "0", "false", "no", "off"))


def header_values(header: Callable[[str], Iterable[str]]) -> list[str]:
    """The values of a response's robots headers, as `read_header` reads them.

    Args:
        header: gives all values of a header by its name in lower case, one of `HEADERS`.
    """
    reserved = [_RESERVATION] if any(map(_is_reserved, header(_RESERVATION))) else []
    usages = [_USAGE] if any(training_preference(v) is False for name in _USAGES for v in header(name)) else []
    return [*reserved, *usages, *header(_ROBOTS)]


def read_header(values: Iterable[str], robot: str) -> frozenset[str]:
    """The directives of `X-Robots-Tag` headers for all robots or this one.

    They are `PICTURE_REFUSALS` and `nofollow`; others do not concern a crawl. `googlebot: noindex,
    nofollow` applies to googlebot only; a name applies until the next one or the end of its header.
    """
    return frozenset(found for value in values for line in value.splitlines() for found in _read(line, robot))


def _read(line: str, robot: str | None) -> Iterator[str]:
    """The directives of a line; without a robot, of whatever robots it names."""
    words = _WORDS.findall(_NEGATION.sub("no", plain(line)))
    names: list[str] = []  # the words since the last directive, which may be a robot's name
    meant, previous = True, ""
    for position, word in enumerate(words):
        if word == ":":
            # A digit follows in `15:00`.
            following = words[position + 1] if position + 1 < len(words) else ""
            if robot is not None and names and names[-1] not in _NO_NAMES and not following[:1].isdigit():
                meant = _is_meant(names, robot)
            names = []
            continue
        directive = word.translate(_MARKS)
        if directive in _MEANINGS and not (directive == "none" and previous in _VALUED):
            names = []
            if meant:
                yield from _MEANINGS[directive]
        else:
            names.append(word)
        previous = word


def _is_meant(names: list[str], robot: str) -> bool:
    if names[-1] in EVERYONE or names[-1] == _ROBOTS:  # the header's own name may stand in it twice
        return True
    return any(is_named(name, robot) or is_perhaps_named(name, robot) for name in names)


def read_metas(metas: Iterable[tuple[str, str]], robot: str) -> frozenset[str]:
    """The directives of a page's `<meta>`s (names in lower case) for all robots or this one."""
    found: set[str] = set()
    for name, content in metas:
        if len(name) <= _LONGEST_NAME and (concern := _concern(name, robot)):
            found.update(_read_meta(concern, content, robot))
    return frozenset(found)


def _read_meta(concern: str, content: str, robot: str) -> Iterable[str]:
    if concern == _RESERVATION:
        return [_RESERVATION] if _is_reserved(content) else []
    if concern == _USAGE:
        return [_USAGE] if training_preference(content) is False else []
    return read_header([content], robot) if concern == _ROBOTS else _read(content, None)


@lru_cache(maxsize=4096)
def _concern(raw: str, robot: str) -> str:
    """The header that a `<meta>` stands for, or `robots` if it names a robot; empty for others."""
    name = plain(raw)
    if name in (_RESERVATION, _ROBOTS):
        return name
    if name in _USAGES:
        return _USAGE
    named = is_named(name, robot) or is_perhaps_named(name, robot)
    return "robots" if named or not {"robots", "robot"}.isdisjoint(name.replace(",", " ").split()) else ""


def _is_reserved(value: str) -> bool:
    return plain(value).strip("\"' ;,") not in _NOT_RESERVED


def refusal(directives: frozenset[str]) -> str | None:
    """The first of `PICTURE_REFUSALS` among the directives; None if there is none."""
    if not directives:
        return None
    return next((name for name in PICTURE_REFUSALS if name in directives), None)


def redirect_refusal(directives: frozenset[str]) -> str | None:
    """Why a redirect of a page or picture with these directives is not followed; None if it is.

    What it leads to need not repeat them, and `nofollow` holds for it as for a link.
    """
    return refusal(directives) or ("nofollow" if "nofollow" in directives else None)
