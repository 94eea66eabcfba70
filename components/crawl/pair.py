"""An image/alt-text pair: what sources yield and the downloader takes."""

from typing import NamedTuple


class Pair(NamedTuple):
    """A picture's URL and its text on a page.

    Attributes:
        url: absolute http(s) URL of the picture.
        caption: its alt text, or its label, caption or title where it has none.
        context: its caption; empty if there is none.
        page_url: the page's URL, after redirects.
        page_title: the page's title; empty if there is none.
        page_language: the page's declared language, lower case (`en`, `pt-br`); empty if
            undeclared.
        site: the page's host, without port.
        position: index of the `<img>` on its page, from 0; other pictures come after them, and the
            page's `og:image` last.
    """

    url: str
    caption: str
    context: str = ""
    page_url: str = ""
    page_title: str = ""
    page_language: str = ""
    site: str = ""
    position: int = 0
