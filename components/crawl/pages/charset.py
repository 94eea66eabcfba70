"""Decoding of texts from the web: by byte order mark, else as declared, else by detection.

Only the codecs of the WHATWG's list are ever used, whatever is declared: `undefined` raises, and
`punycode` takes minutes.
"""

import re
from collections.abc import Callable

from charset_normalizer import from_bytes
from selectolax.lexbor import LexborHTMLParser
from w3lib.encoding import to_unicode

from components.crawl.pages.encoding_labels import CODECS, codec_of
from components.storage.foreign.texts import MARKS

# Bytes of a page in which a declaration is looked for, and that its encoding is guessed from.
_PRESCAN = _SAMPLE = 4096
_DECLARES = re.compile(rb"charset|encoding", re.IGNORECASE)
_CHARSET = re.compile(r"charset\s*=\s*(?:[\"']\s*)?([^\s\"';,]+)", re.IGNORECASE)
_XML = re.compile(rb"\s*<\?xml\s[^>]*?encoding\s*=\s*[\"']([^\"'>]+)", re.IGNORECASE)
_ASCII, _NOT_ASCII = bytes(range(128)), re.compile(rb"[\x80-\xff]")
# The web's default. Most single-byte encodings make some text of any bytes.
_DEFAULT = "cp1252"
_DETECTED = [codec.replace("-", "_") for codec in CODECS if not codec.startswith("utf-16")]
# Broken characters, as a share of those beyond ASCII, that a text in UTF-8 may have.
_MOST_BROKEN = 0.05
_LONGEST_CHARACTER = 4
# A guess takes about a millisecond, and is worth nothing with fewer bytes beyond ASCII.
_FEWEST = 4


def _not_counted() -> None:
    """Where pages are too few for their guesses to be counted."""


def decode(body: bytes, content_type: str = "", guessing: Callable[[], None] = _not_counted) -> str:
    """Decodes a page as browsers do.

    Never raises, and takes time in proportion to the length. Bytes that are no text in the page's
    encoding become U+FFFD.

    Args:
        body: the page.
        content_type: its header `Content-Type`, if any.
        guessing: is called if the encoding is to be guessed, which takes about a millisecond.
    """
    codec, mark = encoding_of(body, content_type, guessing)
    return to_unicode(body[mark:], codec)


def encoding_of(body: bytes, content_type: str = "", guessing: Callable[[], None] = _not_counted) -> tuple[str, int]:
    """The Python codec of a page, a list or another text, and the length of its byte order mark.

    The beginning of the text is enough, if it does not end within a character. See `decode`.
    """
    for mark, codec in MARKS:
        if body.startswith(mark):
            return codec, len(mark)
    declared = _codec_in(content_type) or _declared(body[:_PRESCAN])
    if declared is not None and declared.startswith("utf-16"):
        declared = _byte_order(body[:_PRESCAN], declared)
    return declared or detect(body, guessing), 0


def _codec_in(value: str) -> str | None:
    """The codec that a value like `text/html; charset=utf-8` declares; None if none is known."""
    found = _CHARSET.search(value) if value else None
    return None if found is None else codec_of(found[1])


def _declared(head: bytes) -> str | None:
    """The codec that a page declares itself, in its XML declaration or a `<meta>`."""
    if not _DECLARES.search(head):
        return None
    xml = _XML.match(head)
    found = [codec_of(xml[1].decode("latin-1"))] if xml else []
    for meta in LexborHTMLParser(head.decode("latin-1")).tags("meta"):
        attributes = meta.attributes
        if "charset" in attributes:
            found.append(codec_of(attributes["charset"] or ""))
        elif any("equiv" in name for name in attributes):
            found.append(_codec_in(attributes.get("content") or ""))
    return next(filter(None, found), None)


def _byte_order(head: bytes, declared: str) -> str | None:
    """The byte order of a page that is declared as UTF-16; None if it is not: markup has zeros."""
    if 0 not in head:
        return None
    return "utf-16-be" if head.startswith(b"\x00") else declared


def detect(body: bytes, guessing: Callable[[], None] = _not_counted) -> str:
    """The codec that a text without declaration is most likely in; UTF-8 if it is ASCII."""
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        if _is_broken_utf_8(body):
            return "utf-8"
        guessing()
        return _guess(body)
    return "utf-8"


def _is_broken_utf_8(body: bytes) -> bool:
    text = body.decode("utf-8", "replace")
    broken, beyond_ascii = text.count("\ufffd"), len(text) - len(body) + len(body.translate(None, _ASCII))
    return broken < _MOST_BROKEN * beyond_ascii


def _guess(body: bytes) -> str:
    """Guesses from where a page stops to be ASCII: it begins with scripts and links, mostly."""
    found = _NOT_ASCII.search(body)
    start = 0 if found is None else max(0, found.start() - _SAMPLE // 64)
    sample = body[start : start + _SAMPLE]
    if len(sample.translate(None, _ASCII)) < _FEWEST:
        return _DEFAULT
    for _ in range(_LONGEST_CHARACTER):  # the sample may end within a character
        matches = from_bytes(sample, cp_isolation=_DETECTED)
        best = matches.best()
        if best is not None:
            usual = [match for match in matches if match.encoding == _DEFAULT]
            alike = usual and usual[0].chaos <= best.chaos and usual[0].coherence >= best.coherence
            return _DEFAULT if alike else str(best.encoding)
        sample = sample[:-1]
    return _DEFAULT
