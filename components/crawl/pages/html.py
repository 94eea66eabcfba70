"""HTML → the page's pairs, links and dropped pictures. Never raises on any input."""

from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser

from components.crawl.address import resolve
from components.crawl.pages.page import Metas, Page, PageContext
from components.crawl.pages.parse_budget import within_budget
from components.crawl.pages.picture_element import PictureReader
from components.crawl.parameters import CrawlParameters


def read_page(html: str, url: str, header: Iterable[str], parameters: CrawlParameters, *, links: bool = False) -> Page:
    """Reads a page.

    Args:
        html: the decoded document.
        url: its URL, after redirects.
        header: its `X-Robots-Tag` headers.
        parameters: section `crawl`.
        links: whether to extract links, which takes longer than everything else.
    """
    tree = LexborHTMLParser(within_budget(html.encode("utf-8", "replace")))
    context = PageContext.of(url, _base(tree), _title(tree), _language(tree), parameters)
    reader = PictureReader(context)
    found = (reader.pair(image, position) for position, image in enumerate(tree.tags("img")))
    followed = _links(tree, context.base) if links else ()
    return context.page(found, header, _metas(tree), followed)


# Tags are three times as fast as selectors.


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
    for element in tree.css("a[href], area[href]"):
        attributes = element.attributes
        if "nofollow" not in (attributes.get("rel") or "").lower().replace(",", " ").split():
            address = resolve(base, attributes.get("href") or "")
            if address is not None:
                yield address
