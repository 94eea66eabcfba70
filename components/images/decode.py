"""Bytes of a picture → pixels, as a browser shows them on a white page."""

import io
import warnings
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image, UnidentifiedImageError

from components.errors import InputError

WHITE = (255, 255, 255)
MAX_PIXELS = 20_000_000
# What the web shows, and only decoders that work inside this process: Pillow would start another
# program for PostScript.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF")
# Blocks of memory that Pillow keeps for the next picture, of 16 MB each: getting fresh ones costs
# as much as decoding into them.
Image.core.set_blocks_max(4)  # type: ignore[attr-defined]
_JPEG = b"\xff\xd8\xff"
_TURNING = (b"Exif\0", b"tiff:Orientation")  # what may turn a JPEG when it is shown
_ORIENTATION = 0x0112
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}


class BadImage(InputError):
    """The bytes are not a picture that can be decoded."""


def open_rgb(data: bytes, max_pixels: int = MAX_PIXELS, enough: tuple[int, int] | None = None) -> Image.Image:
    """Decodes the first frame as a browser shows it on a white page.

    It is upright by its EXIF orientation, and what is transparent is white. A JPEG of which fewer
    pixels (width, height, as stored) are `enough` may be decoded at a half, quarter or eighth of
    its size, never below that, which takes less time.

    Raises:
        BadImage: if the bytes are truncated, no picture, or more than `max_pixels` (a decompression
            bomb). Equal bytes give equal messages.
    """
    return _open(data, max_pixels, enough, _flat)


def _open(
    data: bytes, max_pixels: int, enough: tuple[int, int] | None, flat: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """See `open_rgb`; `flat` makes RGB of what was decoded."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no news
            warnings.simplefilter("error", Image.DecompressionBombWarning)
            image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
            if image.width * image.height > max_pixels:
                raise BadImage(f"picture of {image.width} x {image.height} pixels; the limit is {max_pixels} pixels")
            if enough is not None:
                image.draft(None, enough)  # other formats than JPEG do not know it
            image.load()
            return upright(flat(image), orientation(image))
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise BadImage(f"picture of {len(data)} bytes is in no known format") from None
    except Exception as error:  # decoders raise whatever they like on hostile bytes
        raise BadImage(f"picture of {len(data)} bytes cannot be decoded: {error}") from error


def _flat(image: Image.Image) -> Image.Image:
    """RGB, transparent parts white."""
    if image.mode.startswith("I;16"):  # Pillow would clip sixteen bits at 255, not scale them
        levels = np.asarray(image, dtype=np.uint16)
        shown = Image.fromarray((levels >> 8).astype(np.uint8))
        hidden = image.info.get("transparency")
        if isinstance(hidden, int):
            shown.paste(255, mask=Image.fromarray(np.where(levels == hidden, 255, 0).astype(np.uint8)))
        return shown.convert("RGB")
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        rgba = image.convert("RGBA")
        canvas = Image.new("RGB", rgba.size, WHITE)
        canvas.paste(rgba, mask=rgba.getchannel("A"))
        return canvas
    return image if image.mode == "RGB" else image.convert("RGB")


def upright(pixels: Image.Image, orientation: int) -> Image.Image:
    """A picture turned as its EXIF orientation, 1 to 8, asks."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else pixels.transpose(turn)


def orientation(image: Image.Image) -> int:
    """The EXIF orientation, 1 to 8, 1 by default; from 5 on width and height change places."""
    try:
        value = image.getexif().get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken metadata does not make a picture bad
        return 1
    return value if value in _TURNS else 1


def decode(
    data: bytes, size: int, resampling: Image.Resampling = Image.Resampling.BICUBIC, *, quick: bool = False
) -> npt.NDArray[np.uint8]:
    """Decodes to uint8 [size, size, 3]: the middle square, resized with antialiasing.

    `quick` takes a half to a fifth of the time for pixels that differ by a grey level or two, more
    at sharp edges.

    Raises:
        BadImage: see `open_rgb`.
    """
    if quick and (pixels := _quick(data, size)) is not None:
        return pixels
    image = open_rgb(data)
    side = min(image.size)
    left, top = (image.width - side) / 2, (image.height - side) / 2
    # The box is cut first: a picture of 1 x 1,000,000 pixels would otherwise unfold to gigabytes.
    square = image.resize((size, size), resampling, box=(left, top, left + side, top + side))
    return np.asarray(square, dtype=np.uint8)


def squash(data: bytes, size: int, resampling: Image.Resampling) -> npt.NDArray[np.uint8]:
    """Decodes to uint8 [size, size, 3]: the whole picture, squashed with antialiasing.

    Raises:
        BadImage: see `open_rgb`.
    """
    image = open_rgb(data)
    if image.width < size < image.height:
        # Pillow begins with the width: a picture of 1 x 1,000,000 pixels would unfold to gigabytes.
        image = image.resize((image.width, size), resampling)
    return np.asarray(image.resize((size, size), resampling), dtype=np.uint8)


def _quick(data: bytes, size: int) -> npt.NDArray[np.uint8] | None:
    """None if the picture is smaller than `size`."""
    from components.images import reduce  # OpenCV is slow to load

    pixels = None
    if data.startswith(_JPEG) and not any(mark in data for mark in _TURNING):
        pixels = reduce.decode_jpeg(data, (size, size), lambda width, height: width * height <= MAX_PIXELS)
    if pixels is None:
        image = _open(data, MAX_PIXELS, (2 * size, 2 * size), lambda i: i if i.mode == "RGBA" else _flat(i))
        pixels = np.asarray(image, dtype=np.uint8)
    return reduce.square(pixels, size) if min(pixels.shape[:2]) >= size else None
