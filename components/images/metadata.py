"""Strips metadata (EXIF, XMP, comments) from picture files without touching the pixels."""

import struct
from collections.abc import Collection

from components.images import jpeg

# JPEG segments that affect rendering: JFIF, colour profile, Adobe's colour transform.
_JPEG_KEPT = (0xE0, 0xE2, 0xEE)
_JPEG_FIRST, _JPEG_LAST, _JPEG_COMMENT = 0xE0, 0xEF, 0xFE
_START_OF_SCAN = 0xDA
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_PNG_DROPPED = (b"eXIf", b"tEXt", b"zTXt", b"iTXt", b"tIME")
_WEBP_DROPPED = (b"EXIF", b"XMP ")
_WEBP_FLAGS = 0x08 | 0x04  # the bits for EXIF and XMP in the extended header


def without_metadata(data: bytes, kind: str) -> bytes:
    """The file without metadata, and a JPEG with its end; malformed files are unchanged.

    Pixels, colour profile and animation are preserved.

    Args:
        data: a file that Pillow can decode.
        kind: Pillow's name of the format; other formats than JPEG, MPO, PNG and WEBP are unchanged.
    """
    strip = {"JPEG": _jpeg, "MPO": _jpeg, "PNG": _png, "WEBP": _webp}.get(kind)
    try:
        return data if strip is None else strip(data)
    except (struct.error, IndexError, ValueError):
        return data


def png_without(data: bytes, names: Collection[bytes]) -> bytes:
    """A PNG without the chunks of these names.

    Raises:
        struct.error: if it breaks off within a chunk's length.
    """
    kept, offset = [_PNG_SIGNATURE], len(_PNG_SIGNATURE)
    while offset < len(data):
        (length,) = struct.unpack_from(">I", data, offset)
        chunk = data[offset : offset + 12 + length]
        if chunk[4:8] not in names:
            kept.append(chunk)
        offset += len(chunk)
    return b"".join(kept)


def _jpeg(data: bytes) -> bytes:
    kept, offset = [data[:2]], 2
    while data[offset] == 0xFF:
        marker = data[offset + 1]
        if marker == 0xFF:  # fill byte
            offset += 1
            continue
        if marker == _START_OF_SCAN:
            break
        (length,) = struct.unpack_from(">H", data, offset + 2)
        if length < 2:
            raise ValueError("a segment is shorter than its length")
        application = _JPEG_FIRST <= marker <= _JPEG_LAST
        if marker != _JPEG_COMMENT and (not application or marker in _JPEG_KEPT):
            kept.append(data[offset : offset + 2 + length])
        offset += 2 + length
    return b"".join([*kept, jpeg.with_end(data, offset)])


def _png(data: bytes) -> bytes:
    return png_without(data, _PNG_DROPPED)


def _webp(data: bytes) -> bytes:
    (size,) = struct.unpack_from("<I", data, 4)
    data = data[: 8 + size]  # trailing data would become part of the picture
    kept, offset = [], 12
    while offset + 8 <= len(data):
        name, length = struct.unpack_from("<4sI", data, offset)
        chunk = data[offset : offset + 8 + length + length % 2]
        if len(chunk) < 8 + length:
            raise ValueError("a chunk is shorter than its length")
        if name == b"VP8X":
            chunk = chunk[:8] + bytes([chunk[8] & ~_WEBP_FLAGS]) + chunk[9:]
        if name not in _WEBP_DROPPED:
            kept.append(chunk)
        offset += len(chunk)
    body = b"WEBP" + b"".join(kept)
    return struct.pack("<4sI", b"RIFF", len(body)) + body
