"""Bytes of a picture → pixels, as a browser shows them on a white page."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
from PIL import Image

from components.images import jpeg
from components.images.bad_image import BadImage
from components.images.colour import to_srgb
from components.images.colour_tags import described_profile
from components.images.header import (
    as_bad_image,
    open_lazily,
    orientation,
    raster_of,
    reduce_jpeg,
    without_long_texts,
)
from components.images.memory import MAX_PIXELS, MOST_PIXELS

__all__ = ["BadImage", "decode", "open_rgb", "squash", "upright"]

WHITE = (255, 255, 255)
# Blocks of memory that Pillow keeps for the next picture, of 16 MB each: getting fresh ones costs
# as much as decoding into them.
Image.core.set_blocks_max(4)  # type: ignore[attr-defined]
_TURNS = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
_ALPHA = ("RGBA", "RGBa", "LA", "La", "PA")
# Rows at the bottom that a JPEG may lack when its file breaks off, of all of them.
_LACKING = 1 / 16
_LARGEST = 255
_GREY = 128  # what decoders show instead


def open_rgb(data: bytes, max_pixels: int | None = None, enough: tuple[int, int] | None = None) -> Image.Image:
    """Decodes the first frame as a browser shows it on a white page.

    It is upright by its EXIF orientation, its colours are sRGB by its profile, and what is
    transparent is white. A JPEG of which fewer pixels (width, height, as stored) are `enough` may
    be decoded at a half, quarter or eighth of its size, never below that, which takes less time.
    A JPEG of more than `max_pixels` is decoded at one of these, too. Of a JPEG that breaks off up
    to a sixteenth may be missing at the bottom.

    Args:
        data: the file: PNG, JPEG, WebP, AVIF, GIF, BMP, TIFF, ICO, JPEG 2000 or SVG.
        max_pixels: the most to decode; by default 25 million of a JPEG, 100 million of others,
            whose files must then have a size that fits to it.
        enough: see above.

    Raises:
        BadImage: if the bytes are truncated, no picture, or take too much memory or time. Equal
            bytes give equal messages.
    """
    return _open(raster_of(data), max_pixels, enough, _on_white)


def _open(
    data: bytes, max_pixels: int | None, enough: tuple[int, int] | None, flat: Callable[[Image.Image], Image.Image]
) -> Image.Image:
    """See `open_rgb`; `flat` makes RGB of what was decoded."""

    def read(file: bytes) -> Image.Image:
        image = _loaded(file, max_pixels, enough)
        described = described_profile(image, file)
        if described is not None:
            image.info["icc_profile"] = described
        shown = upright(flat(image), orientation(image, file))
        if "icc_profile" in shown.info:  # it would be stored with the pixels that it no longer describes
            shown.info = {name: value for name, value in shown.info.items() if name != "icc_profile"}
        return shown

    with as_bad_image(data):
        return without_long_texts(read, data)


def _loaded(data: bytes, max_pixels: int | None, enough: tuple[int, int] | None) -> Image.Image:
    image = open_lazily(data, max_pixels)
    reduce_jpeg(image, data, max_pixels, enough)
    if image.format == "WEBP":
        return _without_canvases(image)
    try:
        image.load()
    except OSError:
        whole = jpeg.with_end(data) if data.startswith(jpeg.SIGNATURE) else data
        if whole is data:
            raise
        image = open_lazily(whole, max_pixels)
        reduce_jpeg(image, whole, max_pixels, enough)
        image.load()
        if not _nearly_whole(image, whole):
            raise
    return image


def _without_canvases(image: Image.Image) -> Image.Image:
    """The first frame of a WebP; Pillow would keep two more pictures of its size meanwhile."""
    decoder = image._decoder  # type: ignore[attr-defined]
    found = decoder.get_next()
    if found is None:
        raise EOFError("failed to decode a frame of a WebP")
    del decoder
    image._decoder = None  # type: ignore[attr-defined]
    frame = Image.frombytes(image.mode, image.size, found[0], "raw", image.rawmode)  # type: ignore[attr-defined]
    frame.info = image.info
    return frame


def _nearly_whole(image: Image.Image, data: bytes) -> bool:
    """Whether a JPEG that had no end lacks little else; `image` is decoded from `data`."""
    from components.images import reduce

    if reduce.is_whole(data):
        return True
    if image.info.get("progressive") or image.mode not in ("RGB", "L"):
        return False
    shown = np.asarray(image).reshape(image.height, -1)
    lacking = np.flatnonzero((shown != _GREY).any(axis=1))
    return bool(len(lacking)) and (image.height - 1 - int(lacking[-1])) <= _LACKING * image.height


def _on_white(image: Image.Image) -> Image.Image:
    """RGB in sRGB, transparent parts white."""
    flat = _flat(image)
    if flat.mode != "RGBA":
        return flat
    canvas = Image.new("RGB", flat.size, WHITE)
    canvas.paste(flat, mask=flat.getchannel("A"))
    return canvas


def _flat(image: Image.Image) -> Image.Image:
    """RGB or RGBA in sRGB."""
    profile = image.info.get("icc_profile")
    if image.mode.startswith("I;16"):  # Pillow would clip sixteen bits at 255, not scale them
        image = _eight_bits(image)
    hidden = image.info.get("transparency")
    if isinstance(hidden, tuple) and max(hidden) > _LARGEST:  # of sixteen bits, as those of the pixels were
        image.info["transparency"] = tuple(level >> 8 for level in hidden)
    if image.mode in _ALPHA or hidden is not None:
        if profile and image.mode == "LA":
            grey, alpha = image.split()
            shown = to_srgb(grey, profile).convert("RGB")
            shown.putalpha(alpha)
            return shown
        return to_srgb(image if image.mode == "RGBA" else image.convert("RGBA"), profile)
    if profile:
        image = to_srgb(image if image.mode in ("L", "RGB", "CMYK") else image.convert("RGB"), profile)
    return image if image.mode == "RGB" else image.convert("RGB")


def _eight_bits(image: Image.Image) -> Image.Image:
    levels = np.asarray(image, dtype=np.uint16)
    shown = Image.fromarray((levels >> 8).astype(np.uint8))
    hidden = image.info.get("transparency")
    if isinstance(hidden, int):
        shown.putalpha(Image.fromarray(np.where(levels == hidden, 0, 255).astype(np.uint8)))
    return shown


def upright(pixels: Image.Image, orientation: int) -> Image.Image:
    """A picture turned as its EXIF orientation, 1 to 8, asks."""
    turn = _TURNS.get(orientation)
    return pixels if turn is None else pixels.transpose(turn)


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

    markers = jpeg.read_markers(data) if data.startswith(jpeg.SIGNATURE) else None
    if markers and not markers.turning:
        pixels = reduce.decode_jpeg(data, (size, size), lambda *sides: _fits(data, sides, size))
        if pixels is not None:
            # Colours of the few pixels that are left: a matter of rounding.
            enough = min(pixels.shape[:2]) >= size
            return _in_srgb(reduce.square(pixels, size), markers.profile) if enough else None
    image = _open(raster_of(data), None, (2 * size, 2 * size), _quick_flat)
    return reduce.square(np.asarray(image, dtype=np.uint8), size) if min(image.size) >= size else None


def _in_srgb(pixels: npt.NDArray[np.uint8], profile: bytes | None) -> npt.NDArray[np.uint8]:
    return pixels if profile is None else np.asarray(to_srgb(Image.fromarray(pixels), profile), dtype=np.uint8)


def _quick_flat(image: Image.Image) -> Image.Image:
    """RGB, or RGBA as it is: `reduce.square` puts it on white."""
    return to_srgb(image, image.info.get("icc_profile")) if image.mode == "RGBA" else _on_white(image)


def _fits(data: bytes, size: tuple[int, int], side: int) -> bool:
    """Whether what is decoded for a square of `side` px is at most `MAX_PIXELS`."""
    jpeg.check_cost(data, size)
    pixels = size[0] * size[1]
    return pixels <= MAX_PIXELS or (min(size) >= 8 * side and pixels <= MOST_PIXELS)
