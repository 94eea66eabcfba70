"""Cuts documents that would cost HTML's parsing algorithm more time or memory than any honest page does."""

import re

import numpy as np

# Fewer tags than this are never dear; looking at each one costs as much as parsing does.
_FEW = 5_000
# In steps of walking up the open elements; some 200 million take a second.
_BUDGET = 200_000_000
# A formatting element that stays open is made anew after every block.
_FORMATTING_COST = 200
_OPENS = ord("<")
_TAG = re.compile(rb"<(/?)([a-zA-Z][a-zA-Z0-9]*)")
_FORMATTING = frozenset(b"a b big code em font i nobr s small strike strong tt u".split())
_CLOSED_BY_THEMSELVES = frozenset(
    b"""area base br col colgroup dd dt embed hr img input li link meta optgroup option p param rp rt source tbody td tfoot th thead
    tr track wbr""".split()
)


def affordable(html: bytes) -> bytes:
    """The document (UTF-8), or its beginning: up to where its open elements have made parsing too dear.

    A million nested `<div>`s take minutes, `<b>`s left open between paragraphs take gigabytes, and the options of one `<select>`
    cost the square of their number. What is open is estimated from the tags alone.
    """
    if np.count_nonzero(np.frombuffer(html, np.uint8) == _OPENS) <= _FEW:
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
        if name not in _CLOSED_BY_THEMSELVES:
            depth = max(0, depth + step)
        cost += depth + _FORMATTING_COST * formatting + options
        if cost > _BUDGET:
            return html[: tag.start()]
    return html
