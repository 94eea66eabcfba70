"""Pixels → a tower's small square, by OpenCV and simplejpeg: a fraction of Pillow's time, for pixels a grey level or two apart."""

from typing import Any

import cv2
import numpy as np
import numpy.typing as npt
import simplejpeg
from PIL import Image

Pixels = npt.NDArray[np.uint8]

cv2.setNumThreads(1)  # a picture is too small for more, and the other CPUs have pictures of their own
_COLOURS = ("YCbCr", "Gray")
# What may turn a JPEG when it is shown.
_TURNING = (b"Exif\0", b"tiff:Orientation")
# Up to this ratio linear interpolation, which looks at two pixels across and down, skips none that would be missed.
_NEARLY = 4 / 3


def plain_jpeg(data: bytes, size: int, max_pixels: int) -> Pixels | None:
    """A JPEG's pixels, uint8 [h, w, 3], at the smallest eighth of its size that is not below `size` either way.

    None if it has anything unusual, a defect included: then it is Pillow's to judge.
    """
    if any(mark in data for mark in _TURNING):
        return None
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if colours not in _COLOURS or width * height > max_pixels or min(width, height) < size:
            return None
        pixels: Pixels = simplejpeg.decode_jpeg(data, "RGB", min_width=size, min_height=size, min_factor=1)
    except ValueError:
        return None
    return pixels


def square(pixels: Pixels, size: int) -> Pixels:
    """The middle square, reduced without aliasing: uint8 [h, w, 3 or 4] → [size, size, 3]; what is transparent becomes white.

    Neither side may be below `size`. Where the margins are odd, it is half a pixel off the middle.
    """
    height, width, channels = pixels.shape
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    middle = pixels[top : top + side, left : left + side]
    if channels == 3:
        return _reduced(middle, size)
    # Colours are weighed with their alpha first: a resized pixel takes nothing from what nobody sees.
    small = _reduced(np.asarray(cv2.cvtColor(middle, cv2.COLOR_RGBA2mRGBA), dtype=np.uint8), size)
    white = cv2.cvtColor(255 - small[:, :, 3], cv2.COLOR_GRAY2RGB)
    return np.asarray(cv2.add(cv2.cvtColor(small, cv2.COLOR_RGBA2RGB), white), dtype=np.uint8)


def _reduced(pixels: Pixels, size: int) -> Pixels:
    side = len(pixels)
    if side == size:
        return pixels
    # `EXACT`: the same bytes on every machine.
    how = cv2.INTER_LINEAR_EXACT if side <= _NEARLY * size else cv2.INTER_AREA
    return np.asarray(cv2.resize(pixels, (size, size), interpolation=how), dtype=np.uint8)


cv2.setNumThreads(1)  # a picture is too small for more, and the other CPUs have pictures of their own


# Up to this ratio linear interpolation skips no pixel that would be missed: it is within 1 dB of the mean over areas (PSNR against
# Lanczos), in less than half the time.
_NEARLY = 4 / 3


_COLOURS = ("YCbCr", "Gray")


def reduced(data: bytes, stored: tuple[int, int], wanted: tuple[int, int]) -> Image.Image | None:
    """A JPEG's pixels (RGB, not turned) at a smaller size; None if it has anything unusual: then it is Pillow's to judge.

    It is decoded at the smallest of eight sizes (eighths of its own) that is not below the wanted one, and resized from there.

    Args:
        data: the file.
        stored: width and height that Pillow read of it, px.
        wanted: width and height, no larger than that, px.
    """
    try:
        height, width, colours, _ = simplejpeg.decode_jpeg_header(data)
        if (width, height) != stored or colours not in _COLOURS:
            return None
        # Four bytes a pixel, as Pillow stores it, one of them unused: quicker to resize and to hand over than three.
        pixels = simplejpeg.decode_jpeg(data, "RGBX", min_width=wanted[0], min_height=wanted[1], min_factor=1)
    except ValueError:
        return None
    return Image.frombytes("RGB", wanted, _resized(pixels, wanted), "raw", "RGBX")


def _resized(pixels: npt.NDArray[np.uint8], wanted: tuple[int, int]) -> npt.NDArray[Any]:
    height, width = pixels.shape[:2]
    if (width, height) == wanted:
        return pixels
    ratio = max(width / wanted[0], height / wanted[1])
    # `EXACT`: the same bytes on every machine.
    return cv2.resize(pixels, wanted, interpolation=cv2.INTER_LINEAR_EXACT if ratio <= _NEARLY else cv2.INTER_AREA)
