"""Elements with `role="img"` that show a picture as their background."""

import re

from selectolax.lexbor import LexborNode

from components.crawl.pages.page import PageContext
from components.crawl.pair import Pair

# Attributes with a picture's URL or with CSS, which lazy-loading scripts turn into the background.
_ATTRIBUTES = ("style", "data-bg", "data-background", "data-background-image", "data-style", "data-src")
_URL = re.compile(r"url\(\s*+(?:\"([^\"]*+)\"|'([^']*+)'|([^\s\"')]*+))\s*+\)", re.IGNORECASE)
_LONGEST = 20_000  # characters of an attribute
_PARTS = ("img", "svg", "amp-img")  # elements that are read elsewhere, or have no address


def read_background(element: LexborNode, context: PageContext, position: int) -> Pair | str:
    """The pair of an element with `role="img"`, the reason why there is none, or "" if it is none.

    Its text is its label, or its title.
    """
    if element.tag in _PARTS:
        return ""
    attributes = element.attributes
    for name in _ATTRIBUTES:
        value = (attributes.get(name) or "")[:_LONGEST].strip()
        match = _URL.search(value)
        if match is not None:
            reference = (match[1] or match[2] or match[3] or "").strip()
        else:
            reference = "" if name in ("style", "data-style") else value
        if reference:
            titles = (attributes.get("title"),)
            return context.pair(reference, attributes.get("alt"), attributes.get("aria-label"), "", position, titles)
    return ""
