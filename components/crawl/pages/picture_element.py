"""An `<img>` and its ancestors → its pair, or the reason why there is none."""

from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

from components.crawl.pages.page import PageContext, collapse
from components.crawl.pages.srcset import Candidate, best, parse_srcset
from components.crawl.pair import Pair

# Attributes that lazy-loading scripts read the URL from, most common first.
_LAZY = ("data-src", "data-original", "data-lazy-src", "data-lazy")
_SRCSETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set")
# Attributes other than `src` that may have the URL.
_ALTERNATIVES = frozenset(_LAZY + _SRCSETS)
_TYPES = ("", *(f"image/{kind}" for kind in ["png", "jpeg", "jpg", "webp", "gif", "avif", "bmp", "tiff"]))
# A picture declared this small is a tracking pixel or a spacer.
_SPACER_SIDE = 3
_DIGITS = 10  # any side has fewer digits
# Pages may nest elements a million deep, but a figure is never far from its picture.
_MAX_ANCESTORS = 16
# Tags by the parser's numbers, which compare faster than names.
_BODY, _FIGURE, _PICTURE = (
    LexborHTMLParser(f"<{tag}></{tag}>").tags(tag)[0].tag_id for tag in ("body", "figure", "picture")
)

Attributes = Mapping[str, str | None]


class PictureReader:
    """Reads the pictures of one page; ancestors that they share are read once."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._captions: dict[int, str] = {}
        self._sources: dict[int, tuple[Candidate, ...]] = {}

    def pair(self, image: LexborNode, position: int) -> Pair | str:
        """The pair of an `<img>`, or the reason why there is none."""
        attributes = image.attributes
        side = _declared_side(attributes)
        if side is not None and side <= _SPACER_SIDE:
            return "spacer"
        if side is not None and side < self._context.parameters.min_side:
            return "declared_small"
        figure, picture = _ancestors(image)
        reference = self._reference(attributes, picture)
        caption = "" if figure is None else self._caption(figure)
        return self._context.pair(reference, attributes.get("alt"), attributes.get("aria-label"), caption, position)

    def _reference(self, attributes: Attributes, picture: LexborNode | None) -> str:
        """The best URL of a picture; empty if there is none."""
        if picture is None and _ALTERNATIVES.isdisjoint(attributes):
            return (attributes.get("src") or "").strip()
        chosen = best(self._candidates(attributes, picture), self._context.parameters.candidate_width)
        return "" if chosen is None else chosen.reference.strip()

    def _candidates(self, attributes: Attributes, picture: LexborNode | None) -> list[Candidate]:
        """All URLs of a picture, in a browser's order of preference."""
        found = _srcset_candidates(attributes)
        if picture is not None:
            if picture.mem_id not in self._sources:
                self._sources[picture.mem_id] = tuple(_decodable(picture))
            found.extend(self._sources[picture.mem_id])
        for name in _LAZY:
            reference = attributes.get(name)
            if reference and ("/" in reference or "." in reference):  # not data-lazy="true"
                found.append(Candidate(reference.strip()))
        found.append(Candidate((attributes.get("src") or "").strip()))
        return found

    def _caption(self, figure: LexborNode) -> str:
        if figure.mem_id not in self._captions:
            element = figure.css_first("figcaption")
            text = "" if element is None else element.text(deep=True)
            self._captions[figure.mem_id] = collapse(text, self._context.max_text)
        return self._captions[figure.mem_id]


def _srcset_candidates(attributes: Attributes) -> list[Candidate]:
    return [candidate for name in _SRCSETS if (value := attributes.get(name)) for candidate in parse_srcset(value)]


def _decodable(picture: LexborNode) -> Iterator[Candidate]:
    """The `<source>`s of a `<picture>` whose type can be decoded."""
    child = picture.child
    while child is not None:
        if child.tag == "source":
            attributes = child.attributes
            if (attributes.get("type") or "").strip().lower() in _TYPES:
                yield from _srcset_candidates(attributes)
        child = child.next


def _ancestors(node: LexborNode) -> tuple[LexborNode | None, LexborNode | None]:
    """The nearest `<figure>` and `<picture>` around a node."""
    figure: LexborNode | None = None
    picture: LexborNode | None = None
    parent = node.parent
    for _ in range(_MAX_ANCESTORS):
        if parent is None:
            break
        tag = parent.tag_id
        if tag == _BODY:
            break
        if figure is None and tag == _FIGURE:
            figure = parent
        elif picture is None and tag == _PICTURE:
            picture = parent
        parent = parent.parent
    return figure, picture


def _declared_side(attributes: Attributes) -> float | None:
    """The shorter of the declared width and height, px; None if neither is declared in pixels."""
    width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
    return height if width is None else width if height is None else min(width, height)


def _pixels(value: str | None) -> float | None:
    if not value:
        return None
    if len(value) < _DIGITS and value.isascii() and value.isdigit():
        return float(value)
    number = value.strip().lower().removesuffix("px")
    return float(number) if number.isascii() and number.isdigit() and len(number) < _DIGITS else None
