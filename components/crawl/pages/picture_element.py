"""An `<img>` and its ancestors → its pair, or the reason why there is none."""

from collections.abc import Iterator

from selectolax.lexbor import LexborHTMLParser, LexborNode

from components.crawl.pages.captions import Captions
from components.crawl.pages.page import PageContext, collapse
from components.crawl.pages.picture_address import PLACEHOLDER, choose, is_picture, srcset_candidates
from components.crawl.pages.srcset import AnyCandidate, summarize
from components.crawl.pair import Pair

_TYPES = ("", *(f"image/{kind}" for kind in ["png", "jpeg", "jpg", "webp", "gif", "avif", "bmp", "tiff"]))
# A picture declared this small is a tracking pixel or a spacer.
_SPACER_SIDE = 3
_DIGITS = 10  # any side has fewer digits
# Pages may nest elements a million deep, but a figure is never far from its picture.
_MAX_ANCESTORS = 16
# Tags by the parser's numbers, which compare faster than names.
_BODY, _FIGURE, _PICTURE, _LINK = (
    LexborHTMLParser(f"<{tag}></{tag}>").tags(tag)[0].tag_id for tag in ("body", "figure", "picture", "a")
)


class PictureReader:
    """Reads the pictures of one page; ancestors that they share are read once."""

    def __init__(self, context: PageContext, captions: Captions) -> None:
        self._context = context
        self._captions = captions
        self._links: dict[int, tuple[str, str]] = {}
        self._sources: dict[int, tuple[AnyCandidate, ...]] = {}

    def pair(self, image: LexborNode, position: int) -> Pair | str:
        """The pair of an `<img>` or `<amp-img>`, or the reason why there is none."""
        attributes = image.attributes
        width, height = _pixels(attributes.get("width")), _pixels(attributes.get("height"))
        side = height if width is None else width if height is None else min(width, height)
        if side is not None and side <= _SPACER_SIDE:
            return "spacer"
        if side is not None and side < self._context.parameters.min_side:
            return "declared_small"
        figure, picture, link = _around(image)
        caption = "" if figure is None else self._captions.of_figure(figure)
        if not caption and self._captions.marked:
            caption = self._captions.of_ancestors(_ancestors(image))
        alt, label, title = attributes.get("alt"), attributes.get("aria-label"), attributes.get("title")
        opened, link_title = ("", "") if link is None else self._opened(link)
        sources = () if picture is None else self._candidates(picture)
        reference = choose(attributes, sources, opened, self._context.parameters.candidate_width, width)
        if reference is PLACEHOLDER:
            return "placeholder"
        return self._context.pair(reference, alt, label, caption, position, (title, link_title))

    def _opened(self, link: LexborNode) -> tuple[str, str]:
        """The picture that a link opens, and its title; empty if it leads to something else."""
        if link.mem_id not in self._links:
            attributes = link.attributes
            target = (attributes.get("href") or "").strip()
            title = collapse(attributes.get("title"), self._context.max_text)
            self._links[link.mem_id] = (target, title) if is_picture(target) else ("", "")
        return self._links[link.mem_id]

    def _candidates(self, picture: LexborNode) -> tuple[AnyCandidate, ...]:
        """The best candidates of a `<picture>`, however many `<source>`s and `<img>`s it has."""
        if picture.mem_id not in self._sources:
            width = self._context.parameters.candidate_width
            self._sources[picture.mem_id] = summarize(_decodable(picture), width)
        return self._sources[picture.mem_id]


def _decodable(picture: LexborNode) -> Iterator[AnyCandidate]:
    """The candidates of a `<picture>`'s `<source>`s whose type can be decoded."""
    child = picture.child
    while child is not None:
        if child.tag == "source":
            attributes = child.attributes
            if (attributes.get("type") or "").strip().lower() in _TYPES:
                yield from srcset_candidates(attributes)
        child = child.next


# The nearest `<figure>`, `<picture>` and `<a>` around a picture.
_Around = tuple[LexborNode | None, LexborNode | None, LexborNode | None]


def _around(node: LexborNode) -> _Around:
    figure = picture = link = None
    parent = node.parent
    for _ in range(_MAX_ANCESTORS):
        if parent is None:
            break
        tag = parent.tag_id
        if tag == _BODY:
            break
        if tag == _FIGURE:
            figure = parent if figure is None else figure
        elif tag == _PICTURE:
            picture = parent if picture is None else picture
        elif tag == _LINK:
            link = parent if link is None else link
        parent = parent.parent
    return figure, picture, link


def _ancestors(node: LexborNode) -> Iterator[int]:
    """The `mem_id` of the nearest ancestors."""
    parent = node.parent
    for _ in range(_MAX_ANCESTORS):
        if parent is None:
            break
        yield parent.mem_id
        parent = parent.parent


def _pixels(value: str | None) -> float | None:
    if not value:
        return None
    if len(value) < _DIGITS and value.isascii() and value.isdigit():
        return float(value)
    number = value.strip().lower().removesuffix("px")
    return float(number) if number.isascii() and number.isdigit() and len(number) < _DIGITS else None
