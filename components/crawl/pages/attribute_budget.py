"""Finds elements with so many attributes that parsing them would be too expensive.

Each attribute is compared with all others of its element: 1,000 take milliseconds, 100,000 a
minute. Quotation marks hide `>`, so where a tag ends can only be known from where it starts. But
whatever lies at some position of a document, it can only be outside of a value or in one with
either mark. If none of these three readings finds many attributes there, no tag has many.
"""

import re

import numpy as np

MIN_BYTES = 64_000  # shorter documents are never expensive
_STEP = 8_192  # bytes between two looks
_REACH = 65_536  # bytes that one look reads at most
_MANY = 500
_MANY_ROOTS = 20  # every further `<html>` and `<body>` adds its attributes to the first
_ATTRIBUTE = (
    rb"[\t\n\f\r /]*+[^\t\n\f\r />][^\t\n\f\r />=]*+"
    rb"(?:[\t\n\f\r ]*+=[\t\n\f\r ]*+(?:\"[^\"]*+\"|'[^']*+'|[^\t\n\f\r \"'>][^\t\n\f\r >]*+)?+)?+"
)
_FLOOD = re.compile(rb"(?:%b){%d}" % (_ATTRIBUTE, _MANY))
_NAME = rb"[a-zA-Z][^\t\n\f\r />]*+"
_FLOODED_TAG = re.compile(rb"<%b(?:%b){%d}" % (_NAME, _ATTRIBUTE, _MANY))
TOKEN = re.compile(rb"<(?:(?P<comment>!--)|/?(?P<name>%b)(?:%b)*+[\t\n\f\r /]*+>?|[!?/][^>]*+>?)" % (_NAME, _ATTRIBUTE))
# What comes after these may be text or not, by what is open around them.
UNSURE = frozenset(b"svg math select frameset".split())
TEXT = {
    name: re.compile(rb"</%b(?=[\t\n\f\r />])" % name, re.IGNORECASE)
    for name in b"script style textarea title xmp iframe noembed noframes".split()
}
COMMENT_END = re.compile(rb"--!?>")


def end_of_attributes(html: bytes) -> int:
    """Where the first element with too many attributes starts; the end if there is none."""
    end = _end_of_roots(html)
    return min(end, _flooded_tag(html)) if _may_be_flooded(html) else end


def _end_of_roots(html: bytes) -> int:
    text = np.frombuffer(html, np.uint8)
    starts = np.flatnonzero(text[:-2] == ord("<"))
    first, second = text[starts + 1] | 0x20, text[starts + 2] | 0x20  # lower case
    names = ((first == ord("h")) & (second == ord("t"))) | ((first == ord("b")) & (second == ord("o")))
    roots = starts[names]
    return len(html) if len(roots) <= _MANY_ROOTS else int(roots[_MANY_ROOTS])


def _may_be_flooded(html: bytes) -> bool:
    single = double = -1
    for position in range(0, len(html), _STEP):
        double = double if double >= position else _find(html, b'"', position)
        single = single if single >= position else _find(html, b"'", position)
        for start in {position, double + 1, single + 1}:
            if _FLOOD.match(html, start, start + _REACH):
                return True
    return False


def _find(html: bytes, mark: bytes, start: int) -> int:
    found = html.find(mark, start)
    return len(html) if found < 0 else found


def _flooded_tag(html: bytes) -> int:
    """Reads tag by tag, as scripts may hold what only looks like one; in doubt it is one."""
    position, sure = 0, True
    while (token := TOKEN.search(html, position)) is not None:
        position = token.end()
        name = (token["name"] or b"").lower()
        if name and token.end() - token.start() > _MANY and _FLOODED_TAG.match(html, token.start()):
            return token.start()
        sure = sure and name not in UNSURE
        ending = COMMENT_END if token["comment"] else TEXT.get(name)
        if sure and ending is not None and html[token.start() + 1 : token.start() + 2] != b"/":
            # `<!-->` is a whole comment.
            closed = ending.search(html, position - 2 if token["comment"] else position)
            position = len(html) if closed is None else closed.start() if name else closed.end()
    return len(html)
