"""Resizing and encoding of stored pictures."""

import io
from typing import Literal

from PIL import Image

from components.crawl.parameters import Resize
from components.images.decode import WHITE

Format = Literal["jpg", "png", "webp"]

_PILLOW_NAMES = {"jpg": "JPEG", "png": "PNG", "webp": "WEBP"}
_LONGEST_SIDES = {"jpg": 65_500, "webp": 16_383}  # that the formats can hold, px


def reduced_size(size: tuple[int, int], resize: Resize, side: int) -> tuple[int, int] | None:
    """The size to reduce a picture to before cropping or padding, px; None if small enough."""
    if resize == "none":
        return None
    reference = max(size) if resize == "border" else min(size)
    if reference <= side:
        return None
    scale = side / reference
    return max(1, round(size[0] * scale)), max(1, round(size[1] * scale))


def resized(picture: Image.Image, resize: Resize, side: int) -> Image.Image:
    """A picture as it is stored; nothing is enlarged.

    `keep_ratio`: the shorter side is at most `side`; `center_crop`: the centre square of that;
        `border`: the longer side is at most `side`, padded with white to a square of `side`;
        `none`: unchanged.
    """
    reduced = reduced_size(picture.size, resize, side)
    if reduced is not None:
        picture = picture.resize(reduced, Image.Resampling.HAMMING, reducing_gap=2.0)
    if resize == "center_crop":
        square = min(picture.size)
        left, top = (picture.width - square) // 2, (picture.height - square) // 2
        return picture.crop((left, top, left + square, top + square)) if picture.width != picture.height else picture
    if resize == "border" and picture.size != (side, side):
        canvas = Image.new("RGB", (side, side), WHITE)
        canvas.paste(picture, ((side - picture.width) // 2, (side - picture.height) // 2))
        return canvas
    return picture


def format_for(size: tuple[int, int], wanted: Format) -> Format:
    """The format that a picture of this size is encoded in: PNG if it is too long for another."""
    return wanted if max(size) <= _LONGEST_SIDES.get(wanted, max(size)) else "png"


def encoded(picture: Image.Image, encode: Format, quality: int) -> bytes:
    """Encodes a picture, without metadata."""
    buffer = io.BytesIO()
    options = {} if encode == "png" else {"quality": quality}
    picture.save(buffer, _PILLOW_NAMES[encode], **options)
    return buffer.getvalue()
