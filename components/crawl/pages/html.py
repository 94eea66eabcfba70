"""A page's HTML → its pairs, its links, and what was left out and why. Never raises, whatever the page holds."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field

from selectolax.lexbor import LexborHTMLParser, LexborNode

from components.crawl.address import host_of, resolve
from components.crawl.pages.affordable import affordable
from components.crawl.pages.directives import read_header, read_meta, refusal
from components.crawl.pages.srcset import Candidate, best, parse_srcset
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters

# Where scripts that load pictures late find the address, most common first.
_LATE = ("data-src", "data-original", "data-lazy-src", "data-lazy")
_LATE_SETS = ("data-srcset", "data-lazy-srcset", "data-original-set")
_TYPES = ("image/png", "image/jpeg", "image/jpg", "image/webp", "image/gif", "image/avif", "image/bmp", "image/tiff")
# A picture declared this small tells a server that a page was seen, or keeps a place free.
_SPACER_SIDE = 3
# A page may nest its elements a million deep; a figure is never far from its picture.
_NEAR = 16


@dataclass(frozen=True)
class Page:
    """What one page gives."""

    pairs: tuple[Pair, ...] = ()
    links: tuple[str, ...] = ()
    dropped: Mapping[str, int] = field(default_factory=dict)
    refusal: str | None = None  # why its pictures may not be taken, if so


def read_page(html: str, url: str, header: Iterable[str], parameters: CrawlParameters) -> Page:
    """Reads a page.

    Args:
        html: the decoded document.
        url: its address, after redirects.
        header: its `X-Robots-Tag` headers.
        parameters: section `crawl`.
    """
    tree = LexborHTMLParser(affordable(html).encode("utf-8", "replace"))
    base = resolve(url, _base(tree)) or url
    directives = read_header(header, parameters.robot)
    for meta in tree.css("meta[name][content]"):
        directives |= read_meta(_attribute(meta, "name"), _attribute(meta, "content"), parameters.robot)
    reader = _Reader(url, base, _text(tree.css_first("head > title"), parameters.max_text), parameters)
    refused = refusal(directives)
    dropped: Counter[str] = Counter()
    pairs = []
    for position, image in enumerate(tree.css("img")):
        found = refused or reader.pair(image, position)
        if isinstance(found, str):
            dropped[found] += 1
        else:
            pairs.append(found)
    links = () if "nofollow" in directives else tuple(dict.fromkeys(_links(tree, base)))
    return Page(tuple(pairs), links, dropped, refused)


def _base(tree: LexborHTMLParser) -> str:
    element = tree.css_first("base[href]")
    return "" if element is None else _attribute(element, "href")


def _links(tree: LexborHTMLParser, base: str) -> Iterator[str]:
    for element in tree.css("a[href], area[href]"):
        if "nofollow" not in _attribute(element, "rel").lower().split():
            address = resolve(base, _attribute(element, "href"))
            if address is not None:
                yield address


@dataclass(frozen=True)
class _Reader:
    """What all pictures of a page share; what several of them stand in is read once."""

    url: str
    base: str
    title: str
    parameters: CrawlParameters
    _captions: dict[int, str] = field(default_factory=dict)
    _sources: dict[int, tuple[Candidate, ...]] = field(default_factory=dict)

    def pair(self, image: LexborNode, position: int) -> Pair | str:
        """The pair of an `<img>`, or why there is none."""
        chosen = best(self._candidates(image), self.parameters.candidate_width)
        reference = "" if chosen is None else chosen.reference.strip()
        address = resolve(self.base, reference)
        side = _declared_side(image)
        context = self._caption(image)
        text = _collapse(_attribute(image, "alt"), self.parameters.max_text) or context
        faults = {
            "no_source": not reference,
            "spacer": side is not None and side <= _SPACER_SIDE,
            "data_uri": reference.lower().startswith("data:"),
            "bad_address": address is None,
            "declared_small": side is not None and side < self.parameters.min_side,
            "no_text": not text,
        }
        fault = next((name for name, present in faults.items() if present), None)
        if fault is not None or address is None:
            return fault or "bad_address"
        return Pair(address, text, context, self.url, self.title, host_of(self.url), position)

    def _candidates(self, image: LexborNode) -> Iterator[Candidate]:
        """All addresses that a picture may be had from, what a browser would end up with first."""
        yield from _sets(image)
        picture = _around(image, "picture")
        if picture is not None:
            if picture.mem_id not in self._sources:
                self._sources[picture.mem_id] = tuple(c for source in _decodable(picture) for c in _sets(source))
            yield from self._sources[picture.mem_id]
        for name in _LATE:
            reference = _attribute(image, name).strip()
            if "/" in reference or "." in reference:  # not data-lazy="true"
                yield Candidate(reference)
        yield Candidate(_attribute(image, "src").strip())

    def _caption(self, image: LexborNode) -> str:
        figure = _around(image, "figure")
        if figure is None:
            return ""
        if figure.mem_id not in self._captions:
            self._captions[figure.mem_id] = _text(figure.css_first("figcaption"), self.parameters.max_text)
        return self._captions[figure.mem_id]


def _sets(element: LexborNode) -> Iterator[Candidate]:
    for name in ("srcset", *_LATE_SETS):
        yield from parse_srcset(_attribute(element, name))


def _decodable(picture: LexborNode) -> Iterator[LexborNode]:
    """The `<source>`s of a `<picture>` whose type can be decoded."""
    child = picture.child
    while child is not None:
        if child.tag == "source" and _attribute(child, "type").strip().lower() in ("", *_TYPES):
            yield child
        child = child.next


def _around(node: LexborNode, tag: str) -> LexborNode | None:
    for _ in range(_NEAR):
        parent = node.parent
        if parent is None:
            return None
        if parent.tag == tag:
            return parent
        node = parent
    return None


def _declared_side(image: LexborNode) -> float | None:
    """The shorter of the declared width and height, px; None if neither is declared in pixels."""
    sides = [_pixels(_attribute(image, name)) for name in ("width", "height")]
    return min((side for side in sides if side is not None), default=None)


def _pixels(value: str) -> float | None:
    number = value.strip().lower().removesuffix("px")
    return float(number) if number.isascii() and number.isdigit() and len(number) < 10 else None


def _attribute(element: LexborNode, name: str) -> str:
    return element.attributes.get(name) or ""


def _text(element: LexborNode | None, longest: int) -> str:
    return "" if element is None else _collapse(element.text(deep=True), longest)


def _collapse(text: str, longest: int) -> str:
    """Runs of white space become one blank; what cannot be shown (broken surrogates, control characters) goes."""
    shown = "".join(c for c in text[: 4 * longest] if c.isprintable() or c.isspace())
    return " ".join(shown.split())[:longest].rstrip()
