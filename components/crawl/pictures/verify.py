"""Bytes from the web → a decoded picture as it is stored, or a rejection."""

import hashlib
import io
import warnings
from dataclasses import dataclass
from typing import Literal

from PIL import Image, UnidentifiedImageError

from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.metadata import without_metadata
from components.crawl.pictures.resize import encoded, reduced_size, resized
from components.images import reduce
from components.images.decode import FORMATS, BadImage, open_rgb, orientation, upright
from components.images.fingerprint import fingerprints

# Formats that are stored as served; others are stored as PNG, unless `encode` names a format.
STORED: dict[str, Literal["jpg", "png", "webp"]] = {"PNG": "png", "JPEG": "jpg", "MPO": "jpg", "WEBP": "webp"}
_FIRST_SIDEWAYS = 5  # EXIF orientations from here on swap width and height


@dataclass(frozen=True)
class Verified:
    """A decoded picture.

    Attributes:
        image: the bytes to store.
        extension: their file type.
        rgb: their pixels, on a white background.
        sha256: hash of `image`.
        phash: perceptual hash of `rgb`.
        colours: mean colours of `rgb`.
        original_size: upright width and height as served, px.
    """

    image: bytes
    extension: str
    rgb: Image.Image
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


@dataclass(frozen=True)
class _Header:
    kind: str
    width: int
    height: int
    orientation: int

    @property
    def size(self) -> tuple[int, int]:
        return self.width, self.height

    @property
    def upright_size(self) -> tuple[int, int]:
        return (self.height, self.width) if self.orientation >= _FIRST_SIDEWAYS else self.size


def verify(data: bytes, parameters: CrawlParameters) -> Verified | Rejected:
    """Decodes a picture completely and resizes it; its size is checked before decompression.

    Of an animation the first frame is decoded. A file is re-encoded only if its size, format or
    orientation requires it; otherwise it is stored as served, without metadata. Reasons:
    `not_a_picture`, `too_many_pixels`, `too_small`, `undecodable`.

    Args:
        data: the bytes as served.
        parameters: section `crawl`: `max_pixels`, `min_side`, `resize`, `side`, `encode`,
            `quality`.
    """
    header = _header(data)
    if isinstance(header, Rejected):
        return header
    if header.width * header.height > parameters.max_pixels:
        return Rejected("too_many_pixels", header.width, header.height)
    if min(header.width, header.height) < parameters.min_side:
        return Rejected("too_small", header.width, header.height)
    try:
        rgb = resized(_pixels(data, header, parameters), parameters.resize, parameters.side)
        image, extension = _stored(data, header, rgb, parameters)
        phash, mean_colours = fingerprints(rgb)
    except (BadImage, MemoryError):
        return Rejected("undecodable", header.width, header.height)
    return Verified(image, extension, rgb, hashlib.sha256(image).hexdigest(), phash, mean_colours, header.upright_size)


def _pixels(data: bytes, header: _Header, parameters: CrawlParameters) -> Image.Image:
    """A picture's upright pixels, already reduced if the stored picture is smaller."""
    enough = reduced_size(header.size, parameters.resize, parameters.side)
    if enough is not None and header.kind == "JPEG":
        small = reduce.reduced_jpeg(data, header.size, enough)
        if small is not None:
            return upright(small, header.orientation)
    return open_rgb(data, parameters.max_pixels, enough)


def _stored(data: bytes, header: _Header, rgb: Image.Image, parameters: CrawlParameters) -> tuple[bytes, str]:
    """The bytes to store, and their extension."""
    served = STORED.get(header.kind)
    wanted = (served or "png") if parameters.encode == "keep" else parameters.encode
    if wanted == served and header.orientation == 1 and rgb.size == header.size:
        return without_metadata(data, header.kind), wanted
    return encoded(rgb, wanted, parameters.quality), wanted


def _header(data: bytes) -> _Header | Rejected:
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is common
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
                return _Header(str(image.format), image.width, image.height, orientation(image))
    except Image.DecompressionBombError:
        return Rejected("too_many_pixels")
    except UnidentifiedImageError:
        return Rejected("not_a_picture")
    except Exception:  # noqa: BLE001 - decoders raise anything on hostile bytes
        return Rejected("undecodable")
