"""A page's HTML → its pairs, its links, and what was left out and why. Never raises, whatever the page holds."""

from collections.abc import Iterable, Iterator

from selectolax.lexbor import LexborHTMLParser

from components.crawl.address import resolve
from components.crawl.pages.affordable import affordable
from components.crawl.pages.page import Metas, Page, PageContext, page_of
from components.crawl.pages.picture_element import PictureReader
from components.crawl.parameters import CrawlParameters


def read_page(html: str, url: str, header: Iterable[str], parameters: CrawlParameters, *, links: bool = False) -> Page:
    """Reads a page.

    Args:
        html: the decoded document.
        url: its address, after redirects.
        header: its `X-Robots-Tag` headers.
        parameters: section `crawl`.
        links: whether to look for links, which takes longer than all else.
    """
    tree = LexborHTMLParser(affordable(html).encode("utf-8", "replace"))
    context = PageContext.of(url, _base(tree), _title(tree), _language(tree), parameters)
    metas = _metas(tree)
    reader = PictureReader(context)
    found = (reader.pair(image, position) for position, image in enumerate(tree.css("img")))
    followed = _links(tree, context.base) if links else ()
    return page_of(context.with_shared(found, metas), context.directives(header, metas), followed)


def _metas(tree: LexborHTMLParser) -> Metas:
    found = []
    for meta in tree.css("meta[content]"):
        attributes = meta.attributes
        name = attributes.get("name") or attributes.get("property")
        if name:
            found.append((name.strip().lower(), attributes.get("content") or ""))
    return found


def _title(tree: LexborHTMLParser) -> str:
    element = tree.css_first("head > title")
    return "" if element is None else element.text(deep=True)


def _language(tree: LexborHTMLParser) -> str:
    attributes = {} if tree.root is None else tree.root.attributes
    return attributes.get("lang") or attributes.get("xml:lang") or ""


def _base(tree: LexborHTMLParser) -> str:
    element = tree.css_first("base[href]")
    return "" if element is None else element.attributes.get("href") or ""


def _links(tree: LexborHTMLParser, base: str) -> Iterator[str]:
    for element in tree.css("a[href], area[href]"):
        attributes = element.attributes
        if "nofollow" not in (attributes.get("rel") or "").lower().split():
            address = resolve(base, attributes.get("href") or "")
            if address is not None:
                yield address
