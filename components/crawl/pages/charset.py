"""Bytes of a page → its text."""

from charset_normalizer import from_bytes
from w3lib.encoding import html_to_unicode

# What is looked at where neither the server nor the page says how it is written.
_SAMPLE = 4096


def decode(body: bytes, content_type: str) -> str:
    """The text of a page, as a browser finds it: by byte order mark, header, `<meta>`, and by looks where nobody says anything."""
    _, text = html_to_unicode(content_type, body, auto_detect_fun=_guess)
    return str(text)


def _guess(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        found = from_bytes(body[:_SAMPLE]).best()
        return "cp1252" if found is None else found.encoding
    return "utf-8"
