"""Pairs from a WARC with warcio and BeautifulSoup. Standalone: `python warc_soup.py FILE PARSER`.

The rules are ours (components/crawl/pages), as far as the benchmark's pages need them. It prints
seconds, pages and a digest of all pairs.
"""

import hashlib
import json
import re
import sys
import time
from collections.abc import Iterator
from urllib.parse import urljoin

from bs4 import BeautifulSoup, Tag
from warcio.archiveiterator import ArchiveIterator

WIDEST, SMALLEST, SPACER = 1024, 32, 3


def pairs(url: str, html: bytes, parser: str) -> Iterator[tuple[str, str, str, str, str]]:
    """(picture, text, caption, page, title) of a page's pictures."""
    soup = BeautifulSoup(html, parser)
    title = text_of(soup.title)
    shown = set()
    for image in soup.find_all("img"):
        sides = [int(image[name]) for name in ("width", "height") if image.get(name, "").isdigit()]
        reference = source(image)
        if (sides and min(sides) < SMALLEST) or not reference or reference.startswith("data:"):
            continue
        figure = image.find_parent("figure")
        caption = text_of(figure.find("figcaption")) if figure else ""
        text = clean(image.get("alt", "")) or caption
        if text:
            address = urljoin(url, reference)
            shown.add(address)
            yield address, text, caption, url, title
    shared = soup.find("meta", property="og:image")
    if shared and urljoin(url, shared["content"]) not in shown:
        yield urljoin(url, shared["content"]), clean(soup.find("meta", property="og:title")["content"]), "", url, title


def source(image: Tag) -> str:
    """The widest candidate within the limit."""
    sets = [image.get("srcset", "")]
    picture = image.find_parent("picture")
    if picture:
        sets += [candidate.get("srcset", "") for candidate in picture.find_all("source")]
    widths = [(int(width), address) for one in sets for address, width in re.findall(r"(\S+) (\d+)w", one)]
    fitting = [(width, address) for width, address in widths if width <= WIDEST]
    if fitting:
        return str(max(fitting)[1])
    return str(image.get("data-src") or image.get("src", ""))


def text_of(element: Tag | None) -> str:
    """An element's text with collapsed white space."""
    return "" if element is None else clean(element.get_text())


def clean(text: str) -> str:
    """Collapses white space."""
    return " ".join(text.split())


def main(path: str, parser: str) -> None:
    """Reads the archive."""
    start = time.perf_counter()
    pages = 0
    found: list[tuple[str, str, str, str, str]] = []
    with open(path, "rb") as stream:  # noqa: PTH123 - as in a typical script
        for record in ArchiveIterator(stream):
            if record.rec_type == "response" and record.http_headers.get_statuscode() == "200":
                pages += 1
                found.extend(
                    pairs(record.rec_headers.get_header("WARC-Target-URI"), record.content_stream().read(), parser)
                )
    seconds = time.perf_counter() - start
    digest = hashlib.sha256(json.dumps(found).encode()).hexdigest()
    print(json.dumps({"seconds": seconds, "pages": pages, "pairs": len(found), "digest": digest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
