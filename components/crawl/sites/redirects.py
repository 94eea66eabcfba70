"""Scrapy's redirects, but none that opts out; only imported in the spider's process."""

from functools import partial

from scrapy.downloadermiddlewares.redirect import MetaRefreshMiddleware, RedirectMiddleware
from scrapy.http import Request, Response

from components.crawl.pages.directives import header_values, read_header, redirect_refusal
from components.crawl.pages.html import read_page
from components.crawl.parameters import CrawlParameters
from components.crawl.sites.middleware import RequestRefused


class Redirects(RedirectMiddleware):  # type: ignore[misc]
    """Follows redirects whose headers do not opt out."""

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """The request of the redirect's target, or the response if it is none."""
        result = super().process_response(request, response)
        if isinstance(result, Request):
            parameters: CrawlParameters = self.crawler.spider.job.parameters
            _check(read_header(headers_of(response), parameters.robot))
        return result


class Refreshes(MetaRefreshMiddleware):  # type: ignore[misc]
    """Follows `<meta http-equiv="refresh">`, unless its page opts out."""

    def process_response(self, request: Request, response: Response) -> Request | Response:
        """The request of what the page leads to, or the page if it leads nowhere."""
        result = super().process_response(request, response)
        if isinstance(result, Request):
            page = read_page(response.text, response.url, headers_of(response), self.crawler.spider.job.parameters)
            _check(page.directives)
        return result


def headers_of(response: Response) -> list[str]:
    """The values of a response's robots headers."""
    return header_values(partial(_values, response))


def _values(response: Response, name: str) -> list[str]:
    return [value.decode("utf-8", "replace") for value in response.headers.getlist(name)]


def _check(directives: frozenset[str]) -> None:
    refused = redirect_refusal(directives)
    if refused is not None:
        raise RequestRefused(refused)
