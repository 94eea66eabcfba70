"""An `<img>` and what stands around it → its pair, or why there is none."""

from collections.abc import Iterator, Mapping

from selectolax.lexbor import LexborHTMLParser, LexborNode

from components.crawl.pages.page import PageContext, collapse
from components.crawl.pages.srcset import Candidate, best, parse_srcset
from components.crawl.pair import Pair

# Where scripts that load pictures late find the address, most common first.
_LATE = ("data-src", "data-original", "data-lazy-src", "data-lazy")
_SETS = ("srcset", "data-srcset", "data-lazy-srcset", "data-original-set")
# Where the address may be beside `src`.
_OTHERS = frozenset(_LATE + _SETS)
_TYPES = ("", *(f"image/{kind}" for kind in ["png", "jpeg", "jpg", "webp", "gif", "avif", "bmp", "tiff"]))
# A picture declared this small tells a server that a page was seen, or keeps a place free.
_SPACER_SIDE = 3
_DIGITS = 10  # fewer than so many has the length of any side
# A page may nest its elements a million deep; a figure is never far from its picture.
_NEAR = 16
# Tags by their parser's numbers, which are quicker to compare than names.
_BODY, _FIGURE, _PICTURE = (
    LexborHTMLParser(f"<{tag}></{tag}>").tags(tag)[0].tag_id for tag in ("body", "figure", "picture")
)

Attributes = Mapping[str, str | None]


class PictureReader:
    """Reads the pictures of one page; what several of them stand in is read once."""

    def __init__(self, context: PageContext) -> None:
        self._context = context
        self._captions: dict[int, str] = {}
        self._sources: dict[int, tuple[Candidate, ...]] = {}

    def pair(self, image: LexborNode, position: int) -> Pair | str:
        """The pair of an `<img>`, or why there is none."""
        attributes = image.attributes
        side = _declared_side(attributes)
        if side is not None and side <= _SPACER_SIDE:
            return "spacer"
        if side is not None and side < self._context.parameters.min_side:
            return "declared_small"
        figure, picture = _around(image)
        reference = self._reference(attributes, picture)
        caption = "" if figure is None else self._caption(figure)
        return self._context.pair(reference, attributes.get("alt"), attributes.get("aria-label"), caption, position)

    def _reference(self, attributes: Attributes, picture: LexborNode | None) -> str:
        """The address that the picture is best had from; empty if there is none."""
        if picture is None and _OTHERS.isdisjoint(attributes):
            return (attributes.get("src") or "").strip()
        chosen = best(self._candidates(attributes, picture), self._context.parameters.candidate_width)
        return "" if chosen is None else chosen.reference.strip()

    def _candidates(self, attributes: Attributes, picture: LexborNode | None) -> list[Candidate]:
        """All addresses that a picture may be had from, what a browser would end up with first."""
        found = _sets(attributes)
        if picture is not None:
            if picture.mem_id not in self._sources:
                self._sources[picture.mem_id] = tuple(_decodable(picture))
            found.extend(self._sources[picture.mem_id])
        for name in _LATE:
            reference = attributes.get(name)
            if reference and ("/" in reference or "." in reference):  # not data-lazy="true"
                found.append(Candidate(reference.strip()))
        found.append(Candidate((attributes.get("src") or "").strip()))
        return found

    def _caption(self, figure: LexborNode) -> str:
        if figure.mem_id not in self._captions:
            element = figure.css_first("figcaption")
            text = "" if element is None else element.text(deep=True)
            self._captions[figure.mem_id] = collapse(text, self._context.longest)
        return self._captions[figure.mem_id]


def _sets(attributes: Attributes) -> list[Candidate]:
    return [candidate for name in _SETS if (value := attributes.get(name)) for candidate in parse_srcset(value)]


def _decodable(picture: LexborNode) -> Iterator[Candidate]:
    """Of the `<source>`s of a `<picture>` those whose type can be decoded."""
    child = picture.child
    while child is not None:
        if child.tag == "source":
            attributes = child.attributes
            if (attributes.get("type") or "").strip().lower() in _TYPES:
                yield from _sets(attributes)
        child = child.next


def _around(node: LexborNode) -> tuple[LexborNode | None, LexborNode | None]:
    """The nearest `<figure>` and the nearest `<picture>` that a node stands in."""
    figure: LexborNode | None = None
    picture: LexborNode | None = None
    parent = node.parent
    for _ in range(_NEAR):
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
