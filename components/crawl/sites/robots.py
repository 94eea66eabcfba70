"""Scrapy's downloader middleware for robots.txt; only imported in the spider's process.

It takes the place of Scrapy's own, so that pages and pictures obey the same reading of the file.
"""

import asyncio

from scrapy import signals
from scrapy.crawler import Crawler
from scrapy.exceptions import CannotResolveHostError, StopDownload
from scrapy.http import Request, Response
from scrapy.http.request import NO_CALLBACK

from components.crawl.address import host_of, origin_of, resolve
from components.crawl.hosts.content_coding import UndecodableError, decode_body
from components.crawl.hosts.robots import ROBOTS_REDIRECTS, RobotsRules, read_answer
from components.crawl.hosts.robots_text import ROBOTS_BYTES
from components.crawl.sites.middleware import IS_ROBOTS, FilteringResolver, RequestRefused

_REDIRECTS = (301, 302, 303, 307, 308)
# Before all pages that wait.
_PRIORITY = 1000
# A request's meta: bytes that have arrived.
_ARRIVED = "mofi_arrived"


class RobotsMiddleware:
    """Refuses what the robots.txt of a request's origin forbids."""

    def __init__(self, crawler: Crawler) -> None:
        self._crawler = crawler
        self._site: str = crawler.settings["MOFI_SITE"]
        self._robot: str = crawler.settings["MOFI_ROBOT"]
        self._rules: dict[str, asyncio.Task[RobotsRules | str]] = {}
        crawler.signals.connect(self._cut_off, signals.bytes_received)

    @classmethod
    def from_crawler(cls, crawler: Crawler) -> "RobotsMiddleware":
        """Scrapy's factory method."""
        return cls(crawler)

    async def process_request(self, request: Request) -> None:
        """Waits for the rules of the request's origin, and refuses what they forbid."""
        if request.meta.get(IS_ROBOTS):
            request.meta[_ARRIVED] = 0  # again with each attempt
            return
        origin = origin_of(request.url)
        if origin not in self._rules:
            self._rules[origin] = asyncio.create_task(self._read(origin))
        rules = await self._rules[origin]
        if isinstance(rules, str):
            raise RequestRefused(rules)
        if not rules.allows(request.url):
            raise RequestRefused("robots_txt")

    def process_response(self, request: Request, response: Response) -> Response:
        """Decodes a robots.txt within its limit, before Scrapy would."""
        if not request.meta.get(IS_ROBOTS) or "Content-Encoding" not in response.headers:
            return response
        header = b",".join(response.headers.getlist("Content-Encoding")).decode("latin-1")
        headers = response.headers.copy()
        del headers["Content-Encoding"]
        try:
            return response.replace(body=decode_body(response.body, header, ROBOTS_BYTES, text=True), headers=headers)
        except UndecodableError as error:
            raise RequestRefused("robots_txt_unreachable") from error

    async def _read(self, origin: str) -> RobotsRules | str:
        """The rules of an origin, or the reason why nothing of it may be requested."""
        url = f"{origin}/robots.txt"
        for redirects in range(ROBOTS_REDIRECTS + 1):
            try:
                response = await self._crawler.engine.download_async(_request(url))
            except Exception as error:  # noqa: BLE001 - whatever fails, the file is unreachable
                return "robots_txt_unreachable" if redirects else _reason(error, url)
            location = response.headers.get("Location", b"").decode("latin-1")
            target = resolve(url, location) if response.status in _REDIRECTS else None
            if target is None:
                rules = read_answer(response.status, response.body, self._robot)
                if rules is not None:
                    self._slow_down(rules.delay)
                return rules or "robots_txt_unreachable"
            url = target
        return "robots_txt_unreachable"

    def _slow_down(self, delay: float) -> None:
        slot = self._crawler.engine.downloader.slots.get(self._site)
        if slot is not None:
            slot.delay = max(slot.delay, delay)

    def _cut_off(self, data: bytes, request: Request) -> None:
        """Stops the download of a robots.txt when as much as is read of it has arrived."""
        if request.meta.get(IS_ROBOTS):
            request.meta[_ARRIVED] += len(data)
            if request.meta[_ARRIVED] > ROBOTS_BYTES:
                raise StopDownload(fail=False)


def _request(url: str) -> Request:
    # A limit of 0 is none: `_cut_off` has its own.
    meta = {IS_ROBOTS: True, "dont_redirect": True, "download_maxsize": 0}
    return Request(url, priority=_PRIORITY, meta=meta, headers={"Accept-Encoding": "identity"}, callback=NO_CALLBACK)


def _reason(error: Exception, url: str) -> str:
    """Unknown hosts and private addresses are refused as such, as their pages would be."""
    if isinstance(error, RequestRefused):
        return error.reason
    if isinstance(error, CannotResolveHostError):
        return "private_address" if host_of(url) in FilteringResolver.refused else "name_not_found"
    return "robots_txt_unreachable"
