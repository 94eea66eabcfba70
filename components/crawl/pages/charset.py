"""Decoding of pages."""

from charset_normalizer import from_bytes
from w3lib.encoding import html_to_unicode

# Bytes that the encoding is guessed from if neither the server nor the page declares it.
_SAMPLE = 4096


def decode(body: bytes, content_type: str) -> str:
    """Decodes a page as browsers do: by byte order mark, header or `<meta>`, else by detection."""
    _, text = html_to_unicode(content_type, body, auto_detect_fun=_guess)
    return str(text)


def _guess(body: bytes) -> str:
    try:
        body.decode("utf-8")
    except UnicodeDecodeError:
        found = from_bytes(body[:_SAMPLE]).best()
        return "cp1252" if found is None else found.encoding
    return "utf-8"
