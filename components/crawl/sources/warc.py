"""HTML pages in WARC files as a source of pairs."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

from fastwarc.warc import HeaderMap, WarcRecord, WarcRecordType

from components.crawl.address import resolve
from components.crawl.pages.charset import decode
from components.crawl.pages.directives import header_values
from components.crawl.pages.html import read_page
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters
from components.crawl.sources import PairSource
from components.crawl.unreadable import Unreadable
from components.crawl.web_archive import BadBody, read_body, read_pages

_HTML = ("text/html", "application/xhtml+xml")
_OK = 200


class Warc(PairSource):
    """The pages of a WARC."""

    def read(
        self, stream: BinaryIO, location: str, parameters: CrawlParameters, counts: Counter[str]
    ) -> Iterator[Pair | Unreadable]:
        """The pairs of the archive's pages."""
        return read_pages(stream, WarcRecordType.response, partial(_page, parameters), counts)


def _page(parameters: CrawlParameters, record: WarcRecord) -> Page | Unreadable | str:
    """The page of a record, or why it has none; "" for records other than responses."""
    if not record.is_http:
        return ""
    position = record.stream_pos
    try:
        record.parse_http()
        headers = record.http_headers
        if headers is None or headers.status_code is None:
            return Unreadable(position, "no HTTP header")
        refused = _refusal(record, headers)
        body = b"" if refused else read_body(record, headers, parameters.max_page_bytes)
    except (BadBody, OSError) as error:
        return Unreadable(position, str(error))
    address = (record.headers.get("WARC-Target-URI") or "").strip("<> ")
    url = resolve(address, address)
    if refused or body is None or url is None:
        return refused or ("too_large" if body is None else "bad_address")
    text = decode(body, headers.get("Content-Type") or "")
    return read_page(text, url, header_values(headers.get_multiple), parameters)


def _refusal(record: WarcRecord, headers: HeaderMap) -> str | None:
    if headers.status_code != _OK:
        return f"http_{headers.status_code}"
    kind = (headers.get("Content-Type") or record.headers.get("WARC-Identified-Payload-Type") or "text/html").lower()
    return None if kind.partition(";")[0].strip() in _HTML else "not_html"
