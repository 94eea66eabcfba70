"""The spider of one site, run as `python -m components.crawl.sites.spider JOB.json`.

Twisted's reactor cannot be restarted, so every site has its own process. Pages are requested level
by level in sorted order, so that the pages cut off by a limit do not depend on response times.
"""

import json
import os
import sys
import threading
from collections import Counter
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import IO, Any

import scrapy
from scrapy import signals
from scrapy.crawler import AsyncCrawlerProcess, Crawler
from scrapy.exceptions import (
    CannotResolveHostError,
    DontCloseSpider,
    DownloadCancelledError,
    DownloadTimeoutError,
    IgnoreRequest,
)
from scrapy.http import HtmlResponse, Request, Response
from scrapy.linkextractors import IGNORED_EXTENSIONS
from scrapy.spidermiddlewares.httperror import HttpError

from components.crawl.address import host_of, resolve, site_of
from components.crawl.pages.html import read_page
from components.crawl.pages.page import Page
from components.crawl.sites.middleware import FilteringResolver, RequestRefused
from components.crawl.sites.redirects import headers_of
from components.crawl.sites.spider_job import COUNTS, PAIRS, SpiderJob
from components.storage.json_files import write_json

_SLACK = 10_000  # links beyond the limit before they are sorted out
_FILES = tuple(f".{extension}" for extension in IGNORED_EXTENSIONS)


class SiteSpider(scrapy.Spider):  # type: ignore[misc]
    """Follows the links of one site and writes its pairs."""

    name = "site"

    def __init__(self, job: SpiderJob, pairs: IO[str], **arguments: Any) -> None:
        super().__init__(**arguments)
        self.job = job
        self.refused: Counter[str] = Counter()
        self.dropped: Counter[str] = Counter()
        self.crawled = self.found = 0
        self._pairs = pairs
        self._requested: set[str] = set()
        self._visited: set[str] = set()
        self._frontier: set[str] = set()
        self._level = 0

    @classmethod
    def from_crawler(cls, crawler: Crawler, *arguments: Any, **options: Any) -> "SiteSpider":
        """Scrapy's factory method; connects the signal handlers."""
        spider: SiteSpider = super().from_crawler(crawler, *arguments, **options)
        crawler.signals.connect(spider._on_idle, signals.spider_idle)
        crawler.signals.connect(spider._on_error, signals.spider_error)
        return spider

    async def start(self) -> AsyncIterator[Request]:
        """Yields the requests for the start URLs."""
        from twisted.internet import reactor

        if not isinstance(reactor.nameResolver, FilteringResolver):
            raise RuntimeError("this version of Scrapy ignores TWISTED_DNS_RESOLVER; install a newer one")
        self._requested.update(self.job.starts)
        for url in self.job.starts:
            yield self._request(url)

    def _request(self, url: str) -> Request:
        return Request(url, callback=self.parse, errback=self.failed, dont_filter=True)

    def parse(self, response: Response) -> None:
        """Reads a page, unless it was reached before by another URL."""
        url = resolve(response.url, response.url) or response.url
        if url in self._visited:
            self.refused["reached_before"] += 1
            return
        self._visited.add(url)
        if not isinstance(response, HtmlResponse):
            self.refused["not_html"] += 1
            return
        self._collect(read_page(response.text, url, headers_of(response), self.job.parameters, links=True))

    def _collect(self, page: Page) -> None:
        if page.refusal is None:
            self.crawled += 1
        else:
            self.refused[page.refusal] += 1
        self.found += len(page.pairs)
        self.dropped.update(page.dropped)
        for pair in page.pairs:
            self._pairs.write(json.dumps(pair._asdict(), ensure_ascii=False) + "\n")
        self.refused["beyond_page_limit"] += page.links_left
        self._add(link for link in page.links if site_of(link) == self.job.site and not _is_file(link))

    def _add(self, links: Iterable[str]) -> None:
        """Adds links to the next level; of too many, the first in the order of requests.

        Twice as many stay as may be requested, as pages may be reached by other addresses first.
        """
        self._frontier.update(link for link in links if link not in self._requested and link not in self._visited)
        most = 2 * self.job.parameters.pages
        if len(self._frontier) > most + _SLACK:
            kept = sorted(self._frontier)[:most]
            self.refused["beyond_page_limit"] += len(self._frontier) - len(kept)
            self._frontier = set(kept)

    def failed(self, failure: Any) -> None:
        """Counts a failed page."""
        self.refused[self._reason(failure)] += 1

    def _reason(self, failure: Any) -> str:
        error = failure.value
        if isinstance(error, RequestRefused):
            return error.reason
        if isinstance(error, HttpError):
            return f"http_{error.response.status}"
        if isinstance(error, IgnoreRequest):
            return "too_many_redirects"
        if isinstance(error, CannotResolveHostError):
            return "private_address" if host_of(failure.request.url) in FilteringResolver.refused else "name_not_found"
        if isinstance(error, DownloadTimeoutError):
            return "timeout"
        return "too_large" if isinstance(error, DownloadCancelledError) else "connection_failed"

    def _on_error(self) -> None:
        self.refused["unreadable"] += 1

    def _on_idle(self) -> None:
        level = self._next_level()
        for url in level:
            self.crawler.engine.crawl(self._request(url))
        if level:
            raise DontCloseSpider

    def _next_level(self) -> list[str]:
        new = sorted(self._frontier - self._requested - self._visited)
        self._frontier = set()
        self._level += 1
        if self._level > self.job.parameters.depth:
            self.refused["too_deep"] += len(new)
            return []
        level = new[: max(0, self.job.parameters.pages - len(self._requested))]
        self.refused["beyond_page_limit"] += len(new) - len(level)
        self._requested.update(level)
        return level

    def counts(self) -> dict[str, Any]:
        """Pages and pairs by outcome."""
        refused = {reason: number for reason, number in sorted(self.refused.items()) if number}
        return {
            "crawled": self.crawled,
            "refused": refused,
            "pairs": self.found,
            "dropped": dict(sorted(self.dropped.items())),
        }


def _is_file(url: str) -> bool:
    """Whether the URL has the extension of a picture, an archive or another file without links."""
    return url.partition("?")[0].lower().endswith(_FILES)


def settings(job: SpiderJob) -> dict[str, Any]:
    """Scrapy's settings: polite, quiet, without listeners or files."""
    p = job.parameters
    return {
        "MOFI_SITE": job.site,
        "MOFI_ALLOW_PRIVATE_HOSTS": list(p.allow_private_hosts),
        "USER_AGENT": p.user_agent,
        "MOFI_ROBOT": p.robot,
        "ROBOTSTXT_OBEY": False,  # but by RobotsMiddleware
        "CONCURRENT_REQUESTS": p.connections,
        "CONCURRENT_REQUESTS_PER_DOMAIN": p.connections,
        "DOWNLOAD_DELAY": p.delay,
        "DOWNLOAD_DELAY_JITTER": 0,
        "DOWNLOAD_TIMEOUT": p.timeout,
        "DOWNLOAD_MAXSIZE": p.max_page_bytes,
        "DOWNLOAD_WARNSIZE": 0,
        "RETRY_TIMES": p.retries,
        "REDIRECT_MAX_TIMES": p.redirects,
        "TWISTED_DNS_RESOLVER": "components.crawl.sites.middleware.FilteringResolver",
        # As seen from the spider, robots stand behind Scrapy's decompression (590), and the charset
        # stands between it and what looks for redirects in pages (580).
        "DOWNLOADER_MIDDLEWARES": {
            "components.crawl.sites.middleware.SiteMiddleware": 90,
            "scrapy.downloadermiddlewares.redirect.MetaRefreshMiddleware": None,
            "components.crawl.sites.redirects.Refreshes": 580,
            "components.crawl.sites.page_charset.PageCharset": 585,
            "components.crawl.sites.robots.RobotsMiddleware": 595,
            "scrapy.downloadermiddlewares.redirect.RedirectMiddleware": None,
            "components.crawl.sites.redirects.Redirects": 600,
        },
        "DOWNLOAD_HANDLERS": {"data": None, "file": None, "ftp": None, "s3": None},
        "COOKIES_ENABLED": False,
        "HTTPPROXY_ENABLED": False,
        "TELNETCONSOLE_ENABLED": False,
        "REMOTE_CONTROL_ENABLED": False,
        "MEMUSAGE_ENABLED": False,
        "EXTENSIONS": {"scrapy.extensions.logstats.LogStats": None},
        "STATS_DUMP": False,
        "LOG_LEVEL": "WARNING",
    }


def _die_with_parent() -> None:
    """Exits when standard input closes, as it does when the parent dies in any way."""
    while os.read(0, 1):
        pass
    os._exit(1)


def main(path: Path) -> int:
    """Crawls the job in a file; returns the exit code."""
    threading.Thread(target=_die_with_parent, name="die-with-parent", daemon=True).start()
    job = SpiderJob.read(path)
    with (job.folder / PAIRS).open("w", encoding="utf-8") as pairs:
        process = AsyncCrawlerProcess(settings(job))
        crawler = process.create_crawler(SiteSpider)
        process.crawl(crawler, job=job, pairs=pairs)
        process.start(install_signal_handlers=False)
    if process.bootstrap_failed or crawler.stats.get_value("finish_reason") != "finished":
        return 1
    write_json(job.folder / COUNTS, crawler.spider.counts())
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
