"""What a `Content-Encoding` header hides: bodies are decoded within a limit, whatever it claims."""

import re
import zlib

_GZIP = b"\x1f\x8b"
# How pictures begin: one that begins so is not encoded, whatever its header says.
_PICTURES = (b"\xff\xd8\xff", b"\x89PNG", b"GIF8", b"RIFF", b"<svg", b"II*\0", b"MM\0*")
_CONTROL = re.compile(rb"[\x00-\x08\x0e-\x1f\x7f]")
_DECODED = {"gzip", "x-gzip", "deflate"}
# Codings that are not decoded; any other name (`none`, `UTF-8`, `binary`) is no coding.
_UNDECODED = {"br", "compress", "x-compress", "dcb", "dcz", "exi", "pack200-gzip", "zstd", "aes128gcm"}


class UndecodableError(Exception):
    """A body has a coding that is not decoded, or several."""


def decode_body(body: bytes, header: str, limit: int, *, text: bool = False) -> bytes:
    """Decodes gzip and deflate; gives at most `limit + 1` bytes, so that more is recognised.

    A body that is not what its header says, as when a cache has decoded it before, is left as it
    is. The end of a truncated body is missing.

    Args:
        body: the bytes.
        header: the values of `Content-Encoding`, with commas between them.
        limit: bytes.
        text: whether text is expected, else a picture.

    Raises:
        UndecodableError: if the body has a coding that is not decoded, or several.
    """
    if not header:
        return body
    codings = [part.strip(" \t\"'").lower() for part in header.split(",")]
    real = [name for name in codings if name in _DECODED or name in _UNDECODED]
    if not real or (_is_text(body) if text else body.startswith(_PICTURES)):
        return body
    decoded = _inflate(body, limit) if len(real) == 1 and real[0] in _DECODED else None
    if decoded is None:
        raise UndecodableError(header)
    return decoded


def _is_text(body: bytes) -> bool:
    return not _CONTROL.search(body, 0, 1024)


def _inflate(body: bytes, limit: int) -> bytes | None:
    """gzip or zlib by their first bytes, bare deflate if it is whole; None for other bytes."""
    for window in (31,) if body.startswith(_GZIP) else (15, -15):
        decoder = zlib.decompressobj(window)
        try:
            decoded = decoder.decompress(body, limit + 1)
        except zlib.error:
            continue
        if window > 0 or decoder.eof or len(decoded) > limit:
            return decoded
    return None
