"""Truncates documents that would be too expensive to parse."""

import re

import numpy as np

from components.crawl.pages.attribute_budget import MIN_BYTES, end_of_attributes

# Documents with fewer tags are never expensive; scanning the tags costs as much as parsing.
_MIN_TAGS = 5_000
# Steps up the open elements; 200 million take about a second.
_BUDGET = 200_000_000
# Copies of open formatting elements, which every block reconstructs: 200 bytes each, so that they
# take at most 20 MB and 100 times the document.
_MIN_COPIES, _COPIES_PER_BYTE = 100_000, 0.5
_TAG_START = ord("<")
_TAG = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_FORMATTING = frozenset(b"a b big code em font i nobr s small strike strong tt u".split())
_VOID_OR_IMPLIED = frozenset(
    b"""area base br col colgroup dd dt embed hr img input li link meta optgroup option p param rp rt source tbody td tfoot th thead
    tr track wbr""".split()
)


def within_budget(html: bytes) -> bytes:
    """Truncates a document (UTF-8) where its elements or attributes exceed the parsing budget.

    A million nested `<div>`s take minutes, `<b>`s that stay open between paragraphs take gigabytes,
    and the attributes of one element the square of their number. Open elements are estimated from
    the tags.
    """
    if len(html) >= MIN_BYTES:
        html = html[: end_of_attributes(html)]
    if np.count_nonzero(np.frombuffer(html, np.uint8) == _TAG_START) <= _MIN_TAGS:
        return html
    copies = _MIN_COPIES + _COPIES_PER_BYTE * len(html)
    cost = depth = formatting = 0
    for tag in _TAG.finditer(html):
        name, step = tag[2].lower(), -1 if tag[1] else 1
        if name in _FORMATTING:
            formatting = max(0, formatting + step)
        if name not in _VOID_OR_IMPLIED:
            depth = max(0, depth + step)
        cost += depth + formatting
        copies -= formatting
        if cost > _BUDGET or copies < 0:
            return html[: tag.start()]
    return html
