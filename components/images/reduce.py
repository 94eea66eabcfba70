"""Pixels at a smaller size, by OpenCV and simplejpeg.

They take a fraction of Pillow's time, for pixels that differ by a grey level or two.
"""

from collections.abc import Callable
from typing import Literal

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

from components.images import jpeg
from components.images.colour import to_srgb

Pixels = npt.NDArray[np.uint8]

cv2.setNumThreads(1)  # a picture is too small for more, and other CPUs have their own pictures
_COLOURS = ("YCbCr", "Gray")
# Up to this ratio linear interpolation skips no pixel that would be missed: it is within 1 dB of
# the mean over areas (PSNR against Lanczos), in less than half the time.
_NEARLY = 4 / 3


def decode_jpeg(
    data: bytes,
    enough: tuple[int, int],
    fits: Callable[[int, int], bool],
    layout: Literal["RGB", "RGBX"] = "RGB",
) -> Pixels | None:
    """A JPEG's pixels, not turned, at the smallest eighth of its size that is not below `enough`.

    Args:
        data: the file.
        enough: width and height, px; a smaller picture is decoded at its own size.
        fits: whether a picture of this width and height, px, is to be decoded.
        layout: of a pixel; `RGBX` has an unused fourth byte, as Pillow stores pixels.

    Returns:
        uint8 [h, w, 3 or 4]. None if it does not fit or has anything unusual, a defect included:
        then it is Pillow's to judge.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in _COLOURS or not fits(width, height):
            return None
        pixels: Pixels = simplejpeg.decode_jpeg(data, layout, min_width=enough[0], min_height=enough[1], min_factor=1)
    except ValueError:
        return None
    return pixels


def is_whole(data: bytes) -> bool:
    """Whether a JPEG can be decoded to its end without a warning; False if it is unusual."""
    try:
        simplejpeg.decode_jpeg(data, "GRAY", min_width=1, min_height=1, min_factor=8)
    except ValueError:
        return False
    return True


def resize(pixels: Pixels, wanted: tuple[int, int]) -> Pixels:
    """Reduces without aliasing: uint8 [h, w, c] → [wanted[1], wanted[0], c].

    The same pixels give the same bytes on every machine.
    """
    height, width = pixels.shape[:2]
    if (width, height) == wanted:
        return pixels
    ratio = max(width / wanted[0], height / wanted[1])
    how = cv2.INTER_LINEAR_EXACT if ratio <= _NEARLY else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, wanted, interpolation=how), dtype=np.uint8)


def reduced_jpeg(data: bytes, stored: tuple[int, int], wanted: tuple[int, int]) -> Image.Image | None:
    """A JPEG as an RGB picture of a smaller size in sRGB, not turned.

    Args:
        data: the file.
        stored: width and height that Pillow read from it, px.
        wanted: width and height, no larger than that, px.

    Returns:
        None if it has another size or anything unusual: then it is Pillow's to judge.
    """
    # Four bytes a pixel, as Pillow stores it: quicker to resize and to hand over than three.
    pixels = decode_jpeg(data, wanted, lambda width, height: (width, height) == stored, "RGBX")
    if pixels is None:
        return None
    return to_srgb(
        Image.frombytes("RGB", wanted, resize(pixels, wanted), "raw", "RGBX"), jpeg.read_markers(data).profile
    )


def square(pixels: Pixels, size: int) -> Pixels:
    """The middle square on white, reduced: uint8 [h, w, 3 or 4] → [size, size, 3].

    Neither side may be below `size`. Where the margins are odd, it is half a pixel off the middle.
    """
    height, width, channels = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = pixels[top : top + side, left : left + side]
    if channels == 3:
        return resize(middle, (size, size))
    # Colours are weighted by their alpha first, so that invisible ones do not bleed into others.
    small = resize(np.asarray(cv2.cvtColor(middle, cv2.COLOR_RGBA2mRGBA), dtype=np.uint8), (size, size))
    white = cv2.cvtColor(255 - small[:, :, 3], cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.add(cv2.cvtColor(small, cv2.COLOR_RGBA2RGB), white), dtype=np.uint8)
