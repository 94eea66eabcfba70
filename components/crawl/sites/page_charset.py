"""Scrapy's downloader middleware for the encoding of pages; only for the spider's process."""

from scrapy.http import HtmlResponse, Request, Response

from components.crawl.pages.charset import encoding_of


class PageCharset:
    """Sets the encoding of a page before anything reads its text.

    Scrapy would use any codec of Python that a page declares: `punycode` takes minutes.
    """

    def process_response(self, request: Request, response: Response) -> Response:
        """The response, with its encoding."""
        if not isinstance(response, HtmlResponse):
            return response
        declared = (response.headers.get("Content-Type") or b"").decode("latin-1")
        return response.replace(encoding=encoding_of(response.body, declared)[0])
