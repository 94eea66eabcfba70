"""An image/alt-text pair: what every source yields and the downloader takes."""

from typing import NamedTuple


class Pair(NamedTuple):
    """A picture's address and the words that a page says about it.

    Attributes:
        url: absolute http(s) address of the picture.
        caption: its alt text, or its figure caption where it has none.
        context: its figure caption; empty if there is none.
        page_url: the page's address, after redirects.
        page_title: the page's title; empty if there is none.
        page_language: what the page says its language is, lower case (`en`, `pt-br`); empty if it says nothing.
        site: the page's host, without port.
        position: of the `<img>` among those of its page, from 0; the picture that the page is shared with comes last.
    """

    url: str
    caption: str
    context: str = ""
    page_url: str = ""
    page_title: str = ""
    page_language: str = ""
    site: str = ""
    position: int = 0
