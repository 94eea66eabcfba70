"""Bytes from the web → a decoded picture as it is stored, or a rejection."""

import hashlib
from dataclasses import dataclass

from PIL import Image

from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.resize import Format, encoded, format_for, reduced_size, resized
from components.images import reduce
from components.images.bad_image import BadImage
from components.images.decode import open_rgb, upright
from components.images.fingerprint import fingerprints
from components.images.header import Header, raster_of, read_header
from components.images.metadata import without_metadata

# Formats that are stored as served; others are stored as PNG, unless `encode` names a format.
STORED: dict[str, Format] = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp"}


@dataclass(frozen=True)
class Verified:
    """A decoded picture.

    Attributes:
        image: the bytes to store.
        extension: their file type.
        rgb: their pixels, on a white background; of a very large JPEG that is stored as served
            only those of a half, quarter or eighth of its size.
        size: width and height of `image` as shown, px.
        sha256: hash of `image`.
        phash: perceptual hash of `rgb`.
        colours: mean colours of `rgb`.
        original_size: upright width and height as served, px.
    """

    image: bytes
    extension: str
    rgb: Image.Image
    size: tuple[int, int]
    sha256: str
    phash: int
    colours: bytes
    original_size: tuple[int, int]


@dataclass(frozen=True)
class Rejected:
    """Why a picture is rejected, and the size in its header, px (0 = unknown)."""

    reason: str
    width: int = 0
    height: int = 0


def verify(data: bytes, parameters: CrawlParameters) -> Verified | Rejected:
    """Decodes a picture completely and resizes it; its size is checked before decompression.

    Of an animation the first frame is decoded. A file is re-encoded only if its size, format or
    orientation requires it; otherwise it is stored as served, without metadata. What is re-encoded
    has the colours of sRGB, what is stored as served keeps its profile. A drawing (SVG) is stored
    as PNG. Reasons: `too_small`, and those of `BadImage`.

    Args:
        data: the bytes as served.
        parameters: section `crawl`: `max_pixels`, `min_side`, `resize`, `side`, `encode`,
            `quality`.
    """
    size = (0, 0)
    try:
        data = raster_of(data)
        header = read_header(data, parameters.max_pixels)
        size = header.size
        if min(size) < parameters.min_side:
            return Rejected("too_small", *size)
        pixels = _pixels(data, header, parameters)
        rgb = resized(pixels, parameters.resize, parameters.side)
        image, extension, stored = _stored(data, header, pixels, rgb, parameters)
        phash, mean_colours = fingerprints(rgb)
    except BadImage as error:
        return Rejected(error.reason, *(size if any(size) else error.size))
    except MemoryError:
        return Rejected("undecodable", *size)
    digest = hashlib.sha256(image).hexdigest()
    return Verified(image, extension, rgb, stored, digest, phash, mean_colours, header.upright_size)


def _pixels(data: bytes, header: Header, parameters: CrawlParameters) -> Image.Image:
    """A picture's upright pixels, already reduced if the stored picture is smaller."""
    enough = reduced_size(header.size, parameters.resize, parameters.side)
    if enough is not None and header.kind == "JPEG":
        small = reduce.reduced_jpeg(data, header.size, enough)
        if small is not None:
            return upright(small, header.orientation)
    return open_rgb(data, parameters.max_pixels, enough)


def _stored(
    data: bytes, header: Header, pixels: Image.Image, rgb: Image.Image, parameters: CrawlParameters
) -> tuple[bytes, str, tuple[int, int]]:
    """The bytes to store, their extension, and their size."""
    served = STORED.get(header.kind)
    wanted = (served or "png") if parameters.encode == "keep" else parameters.encode
    if wanted == served and header.orientation == 1 and rgb.size == pixels.size and _untouched(header, parameters):
        return without_metadata(data, header.kind), wanted, header.size
    made = format_for(rgb.size, wanted)
    return encoded(rgb, made, parameters.quality), made, rgb.size


def _untouched(header: Header, parameters: CrawlParameters) -> bool:
    """Whether the picture is small enough to stay as it is."""
    return reduced_size(header.size, parameters.resize, parameters.side) is None
