"""Truncates documents that would be too expensive to parse."""

import re

import numpy as np

# Documents with fewer tags are never expensive; scanning the tags costs as much as parsing.
_MIN_TAGS = 5_000
# Steps up the open elements; 200 million take about a second.
_BUDGET = 200_000_000
# An open formatting element is reconstructed after every block.
_FORMATTING_COST = 200
_TAG_START = ord("<")
_TAG = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_FORMATTING = frozenset(b"a b big code em font i nobr s small strike strong tt u".split())
_VOID_OR_IMPLIED = frozenset(
    b"""area base br col colgroup dd dt embed hr img input li link meta optgroup option p param rp rt source tbody td tfoot th thead
    tr track wbr""".split()
)


def within_budget(html: bytes) -> bytes:
    """Truncates a document (UTF-8) where its open elements exceed the parsing budget.

    A million nested `<div>`s take minutes, `<b>`s that stay open between paragraphs take gigabytes,
    and the options of one `<select>` cost the square of their number. Open elements are estimated
    from the tags.
    """
    if np.count_nonzero(np.frombuffer(html, np.uint8) == _TAG_START) <= _MIN_TAGS:
        return html
    cost = depth = formatting = options = 0
    for tag in _TAG.finditer(html):
        name, step = tag[2].lower(), -1 if tag[1] else 1
        if name in _FORMATTING:
            formatting = max(0, formatting + step)
        if name == b"option":
            options += 1
        elif name == b"select":
            options = 0
        if name not in _VOID_OR_IMPLIED:
            depth = max(0, depth + step)
        cost += depth + _FORMATTING_COST * formatting + options
        if cost > _BUDGET:
            return html[: tag.start()]
    return html
