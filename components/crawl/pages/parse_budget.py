"""Truncates documents that would be too expensive to parse."""

import re
from collections import Counter
from collections.abc import Callable, Iterator

import numpy as np

from components.crawl.pages.attribute_budget import COMMENT_END, MIN_BYTES, TEXT, TOKEN, UNSURE, end_of_attributes

# Documents with fewer tags are never expensive; scanning the tags costs as much as parsing. With
# fewer still, their number alone says what they cost.
_MIN_TAGS, _FEW_TAGS = 5_000, 1_000
# Steps up the open elements; 200 million take about a second.
_BUDGET = 200_000_000
# Copies of open formatting elements, which every block reconstructs: 200 bytes each, so that they
# take at most 20 MB and 100 times the document.
_MIN_COPIES, _COPIES_PER_BYTE = 100_000, 0.5
_TAG_START, _SLASH = ord("<"), ord("/")
_OPENING = re.compile(rb"<([a-zA-Z][^\t\n\f\r />]*+)")
_DATA, _DATA_END = b"<![CDATA[", re.compile(rb"\]\]>")
_FORMATTING = frozenset(b"a b big code em font i nobr s small strike strong tt u".split())
_VOID_OR_IMPLIED = frozenset(
    b"""area base br col colgroup dd dt embed hr img input li link meta optgroup option p param rp rt source tbody td tfoot th thead
    tr track wbr""".split()
)


def not_counted(_: int) -> None:
    """Where pages are too few for what they cost to be counted."""


def within_budget(html: bytes, spend: Callable[[int], None] = not_counted) -> bytes:
    """Truncates a document (UTF-8) where its elements or attributes exceed the parsing budget.

    A million nested `<div>`s take minutes, `<b>`s that stay open between paragraphs take gigabytes,
    and the attributes of one element the square of their number. Open elements are estimated from
    the tags.

    Args:
        html: the document.
        spend: is called with the steps that parsing takes at most, beyond what each tag takes.
    """
    if len(html) >= MIN_BYTES:
        html = html[: end_of_attributes(html)]
    values = np.frombuffer(html, np.uint8)
    starts = values == _TAG_START
    tags = int(np.count_nonzero(starts))
    if tags <= _FEW_TAGS:
        return html
    if tags <= _MIN_TAGS:
        spend(tags * (tags - int(np.count_nonzero(starts[:-1] & (values[1:] == _SLASH)))))
        return html
    cost, end = _cost(html)
    spend(cost)
    return html[:end]


def _cost(html: bytes) -> tuple[int, int]:
    """Steps that parsing takes, and the offset where the budget is exceeded."""
    copies = _MIN_COPIES + _COPIES_PER_BYTE * len(html)
    opened: Counter[bytes] = Counter()
    cost = depth = formatting = 0
    for closing, name, start in _tags(html):
        # What is not open is not closed, but sought among all that is.
        step = 1 if not closing else -1 if opened[name] else 0
        opened[name] += step
        if name in _FORMATTING:
            formatting += step
        if name not in _VOID_OR_IMPLIED:
            depth += step
        cost += depth + formatting
        copies -= formatting
        if cost > _BUDGET or copies < 0:
            return cost, start
    return cost, len(html)


def _tags(html: bytes) -> Iterator[tuple[bool, bytes, int]]:
    """Whether each tag closes, its name and offset; none in attributes, comments and scripts.

    Where it depends on what is open whether something is text, only the opening ones count in it.
    """
    position, unsure = 0, False
    while (token := TOKEN.search(html, position)) is not None:
        start, position = token.span()
        name, comment = (token["name"] or b"").lower(), token["comment"]
        closing = html[start + 1] == _SLASH
        if name:
            yield closing, name, start
            unsure = unsure or name in UNSURE
        if comment:
            closed = COMMENT_END.search(html, position - 2)  # `<!-->` is a whole comment
            position = len(html) if closed is None else closed.end()
            continue
        ending = None if closing else TEXT.get(name) or (_DATA_END if html.startswith(_DATA, start) else None)
        if ending is None or (ending is _DATA_END and not unsure):
            continue
        closed = ending.search(html, position)
        end = len(html) if closed is None else closed.start()
        if unsure:
            yield from ((False, tag[1].lower(), tag.start()) for tag in _OPENING.finditer(html, position, end))
        position = end
