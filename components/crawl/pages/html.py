"""HTML → the page's pairs, links and dropped pictures. Never raises on any input."""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from itertools import chain

from selectolax.lexbor import LexborCSSSelector, LexborDocumentOptions, LexborHTMLParser, LexborNode

from components.crawl.address import resolve
from components.crawl.pages.background import read_background
from components.crawl.pages.captions import Captions
from components.crawl.pages.page import Metas, Page, PageContext
from components.crawl.pages.parse_budget import not_counted, within_budget
from components.crawl.pages.picture_element import PictureReader
from components.crawl.pages.structured_data import read_image_objects
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters

# Tags are several times as fast as selectors, and one search for all selectors as fast as for one.
_MARKED = '[class*=caption],.gallerytext,[role=img],[type="application/ld+json"]'
# Making a searcher takes as long as parsing a page: `tree.css` makes one for each tree.
_SEARCH = LexborCSSSelector()  # type: ignore[no-untyped-call]
# Events copy options into `<selectedcontent>`, which costs the square of their number.
_WITHOUT_EVENTS = LexborDocumentOptions.WO_EVENTS
# glibc gives memory back after each page and fetches it again for the next, which takes a fifth of
# the time, until a block larger than what a page needs has been freed once (mallopt(3)).
bytearray(16 << 20)
_BACKGROUND, _CAPTION, _DATA = "background", "caption", "data"

Marked = Mapping[str, Sequence[LexborNode]]


def read_page(
    html: str,
    url: str,
    header: Iterable[str],
    parameters: CrawlParameters,
    *,
    links: bool = False,
    spend: Callable[[int], None] = not_counted,
) -> Page:
    """Reads a page.

    Args:
        html: the decoded document.
        url: its URL, after redirects.
        header: its `X-Robots-Tag` headers.
        parameters: section `crawl`.
        links: whether to extract links, which takes longer than everything else.
        spend: see `within_budget`.
    """
    body = html.encode("utf-8", "replace")
    parsed = within_budget(body, spend)
    tree = LexborHTMLParser(parsed, options=_WITHOUT_EVENTS)
    context = PageContext.of(url, _base(tree), _title(tree), _language(tree), parameters)
    marked = _marked(tree)
    rest = ("rest_of_page",) if len(parsed) < len(body) else ()
    found = chain(_pairs(tree, marked, context), rest)
    described = read_image_objects(script.text() for script in marked.get(_DATA, ()))
    followed = _links(tree, context.base) if links else ()
    return context.page(found, header, _metas(tree), followed, described)


def _marked(tree: LexborHTMLParser) -> Marked:
    """The elements that no tag tells, by kind, in the order of the document."""
    found: dict[str, list[LexborNode]] = {}
    last = 0
    for element in _search(_MARKED, tree):
        if element.mem_id != last:  # an element is found once for each selector that it matches
            last = element.mem_id
            found.setdefault(_kind(element), []).append(element)
    return found


def _search(selector: str, tree: LexborHTMLParser) -> list[LexborNode]:
    return [] if tree.root is None else _SEARCH.find(selector, tree.root)


def _kind(element: LexborNode) -> str:
    if element.tag == "script":
        return _DATA
    return _BACKGROUND if (element.attributes.get("role") or "").strip() == "img" else _CAPTION


def _pairs(tree: LexborHTMLParser, marked: Marked, context: PageContext) -> Iterator[Pair | str]:
    """The pairs of all elements that show a picture, or the reasons why there is none."""
    reader = PictureReader(context, Captions(tree, marked.get(_CAPTION, ()), context.max_text))
    position = 0
    for tag in ("img", "amp-img", "amp-anim"):
        for image in tree.tags(tag):
            yield reader.pair(image, position)
            position += 1
    for element in marked.get(_BACKGROUND, ()):
        found = read_background(element, context, position)
        if found:
            yield found
            position += 1


def _metas(tree: LexborHTMLParser) -> Metas:
    found = []
    for meta in tree.tags("meta"):
        attributes = meta.attributes
        name = attributes.get("name") or attributes.get("property") or attributes.get("http-equiv")
        if name and "content" in attributes:
            found.append((name.strip().lower(), attributes["content"] or ""))
    return found


def _title(tree: LexborHTMLParser) -> str:
    """The title in the head: an SVG may have a title, too."""
    element = None if tree.head is None else tree.head.child
    while element is not None:
        if element.tag == "title":
            return element.text(deep=True)
        element = element.next
    return ""


def _language(tree: LexborHTMLParser) -> str:
    attributes = {} if tree.root is None else tree.root.attributes
    return attributes.get("lang") or attributes.get("xml:lang") or ""


def _base(tree: LexborHTMLParser) -> str:
    for element in tree.tags("base"):
        attributes = element.attributes
        if "href" in attributes:
            return attributes["href"] or ""
    return ""


def _links(tree: LexborHTMLParser, base: str) -> Iterator[str]:
    for element in _search("a[href], area[href]", tree):
        attributes = element.attributes
        if "nofollow" not in (attributes.get("rel") or "").lower().replace(",", " ").split():
            address = resolve(base, attributes.get("href") or "")
            if address is not None:
                yield address
