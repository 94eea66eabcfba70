"""Bodies of HTTP responses, with their content codings and transfer codings undone."""

import io
import re
import zlib
from collections.abc import Callable, Sequence

from fastwarc.stream_io import BrotliReader, ZstdReader

from components.crawl.pages.parse_budget import not_counted

# More codings of one body, or members of one gzip file, are a mistake or an attack.
_MOST_CODINGS, _MOST_MEMBERS = 4, 64
_GZIP, _ZSTD, _UTF_16 = b"\x1f\x8b\x08", b"\x28\xb5\x2f\xfd", (b"\xff\xfe", b"\xfe\xff")
_GZIP_WINDOW, _RAW_WINDOW = zlib.MAX_WBITS | 16, -zlib.MAX_WBITS
_CHUNK = re.compile(rb"[ \t]*([0-9a-fA-F]{1,16})[ \t]*(?:;[^\r\n]*)?\r?\n")
_LINE_END = re.compile(rb"\r?\n?")
# A page, as opposed to the bytes of a compressed stream.
_TEXT, _TAG = re.compile(rb"[\t\n\f\r -~\x80-\xff]*"), re.compile(rb"<[!?/a-zA-Z]")
_HEAD, _TAG_WITHIN = 1024, 1 << 16


# Decodes a body, at most so many bytes of it.
_Decoder = Callable[[bytes, int], bytes]
# Counts what was done, in units of `Effort`: for each byte that is unfolded, and each chunk.
Spend = Callable[[int], None]
_UNFOLDED, _JOINED = 3, 800


class BadBody(Exception):
    """A body that cannot be decoded as its headers declare, or is truncated."""


def unfold(body: bytes, codings: Sequence[str], max_bytes: int, spend: Spend = not_counted) -> bytes | None:
    """Undoes the content codings of a body; None if it becomes longer than `max_bytes`.

    Crawlers store bodies as received, or decompressed, but with the header that they came with;
    servers name codings that are none (`none`, `UTF-8`). So a page in plain text is left as it is,
    and gzip and zstd are known by their first bytes.

    Args:
        body: the body, without its transfer coding.
        codings: the values of `Content-Encoding`, in lower case, in the order of their use.
        max_bytes: the longest body that is wanted.
        spend: counts the effort.

    Raises:
        BadBody: if it is truncated, damaged, or in no coding that is known.
    """
    if len(codings) > _MOST_CODINGS:
        raise BadBody(f"{len(codings)} codings, one over the other")
    # A server may compress what is compressed already, and name one of the codings.
    for coding in (*reversed(codings), "identity"):
        folded = body
        try:
            body = _unfold(folded, coding, max_bytes + 1)
        except BadBody:
            spend(_UNFOLDED * max_bytes)  # before the damage there may be as much
            raise
        if body is not folded:
            spend(_UNFOLDED * len(body))
        if len(body) > max_bytes:
            return None
    return body


def _unfold(body: bytes, coding: str, limit: int) -> bytes:
    decode: _Decoder | None = _gunzip if body.startswith(_GZIP) else _unzstd if body.startswith(_ZSTD) else None
    if decode is None:
        if coding == "identity" or not body or _is_page(body):
            return body
        decode = _DECODERS.get(coding)
    if decode is None:
        raise BadBody(f"unknown coding {coding!r}")
    try:
        return decode(body, limit)
    except (OSError, zlib.error) as error:
        raise BadBody(str(error)) from error


def _is_page(body: bytes) -> bool:
    if body.startswith(_UTF_16):
        return True
    return _TEXT.fullmatch(body[:_HEAD]) is not None and _TAG.search(body, 0, _TAG_WITHIN) is not None


def _gunzip(body: bytes, limit: int) -> bytes:
    """Decompresses the members of a gzip file; what follows them is ignored, as browsers do."""
    parts: list[bytes] = []
    while limit > 0 and (not parts or body.startswith(_GZIP)):
        if len(parts) == _MOST_MEMBERS:
            raise BadBody(f"more than {_MOST_MEMBERS} gzip members")
        part, body = _inflate(body, _GZIP_WINDOW, limit)
        parts.append(part)
        limit -= len(part)
    return b"".join(parts)


def _deflate(body: bytes, limit: int) -> bytes:
    """With zlib's header as RFC 9110 wants it, or without, as many servers send it."""
    try:
        return _inflate(body, zlib.MAX_WBITS, limit)[0]
    except zlib.error:
        return _inflate(body, _RAW_WINDOW, limit)[0]


def _inflate(body: bytes, window: int, limit: int) -> tuple[bytes, bytes]:
    """The decompressed bytes, and what follows them."""
    stream = zlib.decompressobj(window)
    found = stream.decompress(body, limit)
    if not stream.eof and len(found) < limit:
        raise BadBody("cut off")
    return found, stream.unused_data


def _unbrotli(body: bytes, limit: int) -> bytes:
    return BrotliReader(io.BytesIO(body)).read(limit)


def _unzstd(body: bytes, limit: int) -> bytes:
    return ZstdReader(io.BytesIO(body)).read(limit)


_DECODERS: dict[str, _Decoder] = {
    "gzip": _gunzip,
    "x-gzip": _gunzip,
    "deflate": _deflate,
    "br": _unbrotli,
    "zstd": _unzstd,
}


def unchunk(body: bytes, spend: Spend = not_counted) -> bytes:
    """Joins the chunks of a body; one that was joined before is left as it is.

    Args:
        body: as received.
        spend: counts the effort.

    Raises:
        BadBody: if it breaks off within a chunk, or is damaged.
    """
    chunks: list[bytes] = []
    place = 0
    while place < len(body):
        line = _CHUNK.match(body, place)
        size = -1 if line is None else int(line[1], 16)
        if line is None or line.end() + size > len(body):
            if not chunks and (line is None or _is_page(body)):
                return body
            spend(_JOINED * len(chunks))
            raise BadBody("cut off" if line else "damaged chunks")
        if size == 0:
            break
        chunks.append(body[line.end() : line.end() + size])
        end = _LINE_END.match(body, line.end() + size)
        place = len(body) if end is None else end.end()
    spend(_JOINED * len(chunks))
    return b"".join(chunks)
