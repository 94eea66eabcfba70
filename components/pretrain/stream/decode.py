"""A picture's file → the square that is trained on; photographs are decoded no larger than that needs."""

import io
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

from components import images, jpeg

_START = b"\xff\xd8\xff"


def decode_square(data: bytes, size: int) -> npt.NDArray[np.uint8]:
    """uint8 [size, size, 3]: the middle square, upright, transparency white.

    As `images.decode`, but that a JPEG larger than wanted is decoded at a smaller size, in eighths of its own. Pixels differ by a
    few grey levels, and are the same on every machine.

    Raises:
        BadImage: if the bytes are truncated, no picture, or too many pixels.
    """
    if data.startswith(_START):
        photograph = _photograph(data, size)
        if photograph is not None:
            return photograph
    return images.decode(data, size, quick=True)


def _photograph(data: bytes, size: int) -> npt.NDArray[np.uint8] | None:
    """None for what is small, unusual or bad: `images.decode` knows what to do, and what to say."""
    try:
        header: Any = Image.open(io.BytesIO(data), formats=("JPEG",))
    except Exception:  # noqa: BLE001 - decoders raise whatever they like on hostile bytes, and `images.decode` tells of it
        return None
    width, height = header.size
    shorter = min(width, height)
    if shorter <= size or width * height > images.MAX_PIXELS or header.mode not in ("RGB", "L"):
        return None
    pixels = jpeg.decoded(data, (width, height), (-(-width * size // shorter), -(-height * size // shorter)))
    if pixels is None:
        return None
    side = min(pixels.shape[:2])
    top, left = ((length - side) // 2 for length in pixels.shape[:2])
    square = jpeg.resized(np.ascontiguousarray(pixels[top : top + side, left : left + side]), (size, size))[..., :3]
    turn = images.orientation(header)
    if turn == 1:
        return square
    return np.asarray(images.upright(Image.fromarray(np.ascontiguousarray(square)), turn), dtype=np.uint8)
