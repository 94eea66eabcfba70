"""HTML pages in WARC files as a source of pairs."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from typing import BinaryIO

import numpy as np
from fastwarc.warc import WarcRecord, WarcRecordType

from components.crawl.address import resolve
from components.crawl.archives.coding import BadBody
from components.crawl.archives.effort import Effort
from components.crawl.archives.pages import read_pages
from components.crawl.archives.response import Response, is_http, read_body, read_response
from components.crawl.pages.charset import decode
from components.crawl.pages.directives import header_values
from components.crawl.pages.html import read_page
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters
from components.crawl.sources import PairSource
from components.crawl.unreadable import Unreadable

_HTML = ("text/html", "application/xhtml+xml")
_OK = 200
# What the bytes and tags of a page cost, in units of `Effort`. Bytes that are zero or not ASCII
# become several each.
_BYTE, _NOT_PLAIN, _TAG, _TAG_START = 9, 25, 400, ord("<")
_GUESS = 1_500_000  # of its encoding


class Warc(PairSource):
    """The pages of a WARC."""

    def read(
        self, stream: BinaryIO, location: str, parameters: CrawlParameters, counts: Counter[str]
    ) -> Iterator[Pair | Unreadable]:
        """The pairs of the archive's pages."""
        return read_pages(stream, WarcRecordType.response, partial(_page, parameters), counts)


def _page(parameters: CrawlParameters, record: WarcRecord, effort: Effort) -> Page | Unreadable | str:
    """The page of a record, or why it has none; "" for records other than responses."""
    if not is_http(record):
        return ""
    try:
        response = read_response(record)
        if response is None:
            return Unreadable(record.stream_pos, "no HTTP header")
        refused = _refusal(record, response)
        body = b"" if refused else read_body(record, response, parameters.max_page_bytes, effort.spend)
    except (BadBody, OSError) as error:
        return Unreadable(record.stream_pos, str(error))
    effort.spend(_BYTE * parameters.max_page_bytes if body is None else _cost(body))
    address = (record.headers.get("WARC-Target-URI") or "").strip("<> ")
    url = resolve(address, address)
    if refused or body is None or url is None:
        return refused or ("too_large" if body is None else "bad_address")
    headers = response.headers
    text = decode(body, headers.get("Content-Type") or "", partial(effort.spend, _GUESS))
    return read_page(text, url, header_values(headers.get_multiple), parameters, spend=effort.spend)


def _refusal(record: WarcRecord, response: Response) -> str | None:
    if response.status != _OK:
        return f"http_{response.status}"
    declared = response.headers.get("Content-Type") or record.headers.get("WARC-Identified-Payload-Type")
    kind = (declared or "text/html").lower().replace(",", ";").partition(";")[0].strip()
    return None if kind in _HTML else "not_html"


def _cost(body: bytes) -> int:
    values = np.frombuffer(body, np.uint8)
    cost = _BYTE * len(body) + _TAG * int(np.count_nonzero(values == _TAG_START))
    if body.isascii() and b"\0" not in body:
        return cost
    return cost + _NOT_PLAIN * int(np.count_nonzero((values - 1) >= 0x7F))  # zero becomes 255
