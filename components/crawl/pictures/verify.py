"""Bytes from the web → a picture that is known to decode, or why not. Never raises, whatever the bytes are."""

import hashlib
import io
import warnings
from dataclasses import dataclass

from PIL import Image, UnidentifiedImageError

from components.images import FORMATS, BadImage, open_rgb, perceptual_hash

# Formats that are stored as they came; every other one that can be decoded becomes PNG.
STORED = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp"}


@dataclass(frozen=True)
class Verified:
    """A decoded picture: `image` are the bytes to store, `rgb` its pixels on white, `sha256` is that of `image`."""

    image: bytes
    extension: str
    rgb: Image.Image
    sha256: str
    phash: int


@dataclass(frozen=True)
class Rejected:
    """Why bytes are no picture to keep, and the size that they claim, px (0 = unknown)."""

    reason: str
    width: int = 0
    height: int = 0


def verify(data: bytes, max_pixels: int, min_side: int) -> Verified | Rejected:
    """Decodes a picture whole; its size is checked before anything is unfolded.

    An animated picture counts by its first frame. Reasons: `not_a_picture`, `too_many_pixels`, `too_small`, `undecodable`.
    """
    header = _header(data)
    if isinstance(header, Rejected):
        return header
    kind, width, height = header
    if width * height > max_pixels:
        return Rejected("too_many_pixels", width, height)
    if min(width, height) < min_side:
        return Rejected("too_small", width, height)
    try:
        rgb = open_rgb(data, max_pixels)
        stored = data if kind in STORED else _png(rgb)
        phash = perceptual_hash(stored)
    except (BadImage, MemoryError):
        return Rejected("undecodable", width, height)
    return Verified(stored, STORED.get(kind, "png"), rgb, hashlib.sha256(stored).hexdigest(), phash)


def _header(data: bytes) -> tuple[str, int, int] | Rejected:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no news
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return str(image.format), image.width, image.height
    except Image.DecompressionBombError:
        return Rejected("too_many_pixels")
    except UnidentifiedImageError:
        return Rejected("not_a_picture")
    except Exception:  # noqa: BLE001 - decoders raise whatever they like on hostile bytes
        return Rejected("undecodable")


def _png(rgb: Image.Image) -> bytes:
    buffer = io.BytesIO()
    rgb.save(buffer, "PNG")
    return buffer.getvalue()
