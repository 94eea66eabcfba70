"""An image/alt-text pair: what every source yields and the downloader takes."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Pair:
    """A picture's address and the words that a page says about it.

    Attributes:
        url: absolute http(s) address of the picture.
        caption: its alt text, or its figure caption where it has none.
        context: its figure caption; empty if there is none.
        page_url: the page's address, after redirects.
        page_title: the page's title; empty if there is none.
        site: the page's host, without port.
        position: of the `<img>` among those of its page, from 0.
    """

    url: str
    caption: str
    context: str
    page_url: str
    page_title: str
    site: str
    position: int
