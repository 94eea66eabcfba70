"""A picture's format and size, and whether it may be decoded, before any pixel is."""

import io
import struct
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TypeVar

from PIL import Image, UnidentifiedImageError
from PIL.TiffImagePlugin import ImageFileDirectory_v2

from components.images import jpeg
from components.images.bad_image import BadImage
from components.images.memory import MAX_PIXELS, MOST_PIXELS, PIXEL, UNFOLDING, check_memory, check_unfolding, granted
from components.images.metadata import png_without
from components.images.svg import is_svg, rasterised

# What browsers show, and only decoders that work inside this process: Pillow would start another
# program for PostScript.
FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "ICO", "JPEG2000")
_ICON, _MOST_ICONS = b"\0\0\1\0", 256
_PNG = b"\x89PNG\r\n\x1a\n"
# Pictures that hardly a browser shows. HEIC is one: its decoders are a frequent source of holes.
_UNSUPPORTED = (
    ("PostScript", (b"%!PS", b"\xc5\xd0\xd3\xc6")),
    ("PDF", (b"%PDF",)),
    ("JPEG XL", (b"\xff\x0a", b"\0\0\0\x0cJXL ")),
    ("JPEG XR", (b"II\xbc",)),
    ("Photoshop", (b"8BPS",)),
    ("Windows metafile", (b"\xd7\xcd\xc6\x9a", b"\x01\0\0\0\x6c\0\0\0", b"\x01\0\x09\0")),
    ("Windows cursor", (b"\0\0\2\0",)),
    ("DirectDraw surface", (b"DDS ",)),
    ("portable anymap", (b"P1\n", b"P2\n", b"P3\n", b"P4\n", b"P5\n", b"P6\n", b"P7\n")),
    ("DjVu", (b"AT&TFORM",)),
    ("Flash", (b"FWS", b"CWS", b"ZWS", b"FLV")),
    ("OpenEXR", (b"v/1\x01",)),
    ("Radiance", (b"#?RADIANCE",)),
    ("GIMP", (b"gimp xcf",)),
    ("QOI", (b"qoif",)),
    ("BPG", (b"BPG\xfb",)),
    ("Matroska or WebM", (b"\x1a\x45\xdf\xa3",)),
    ("compressed SVG", (b"\x1f\x8b",)),
)
_JPEG = ("JPEG", "MPO")
_JPEG_2000_PIXEL = 20  # bytes: its decoder works with whole numbers of 32 bits
_DECODER_PIXEL = {"WEBP": 12, "AVIF": 12}  # bytes, if a decoder takes more than its picture
# Pixels of which what is made of them is looked at, and bytes that a pixel may then take.
_SMALL, _STORED = 5_000_000, {"1": 1, "L": 1, "P": 1, "I;16": 4}
_ORIENTATION = 0x0112
_SIDEWAYS = 5  # EXIF orientations from here on swap width and height
_HIGHEST = 8
# Where a PNG may say how it is turned: only then is it read to its end for that.
_PNG_TURNING = (b"eXIf", b"Raw profile type")
# XMP may name an orientation, which browsers do not look at and Pillow would obey.
_XMP = ("xmp", "XML:com.adobe.xmp")
_SAMPLE_FORMAT, _WHOLE = 339, 1

T = TypeVar("T")


@dataclass(frozen=True)
class Header:
    """What a file says about its picture.

    Attributes:
        kind: Pillow's name of the format.
        size: width and height as stored, px.
        orientation: by EXIF, 1 to 8.
    """

    kind: str
    size: tuple[int, int]
    orientation: int

    @property
    def upright_size(self) -> tuple[int, int]:
        """Width and height as shown, px."""
        return self.size[::-1] if self.orientation >= _SIDEWAYS else self.size


def raster_of(data: bytes) -> bytes:
    """A drawing (SVG) as PNG; any other file as it is.

    Raises:
        BadImage: if it cannot be drawn.
    """
    return rasterised(data) if is_svg(data) else data


def read_header(data: bytes, max_pixels: int | None = None) -> Header:
    """Reads a picture's header.

    Args:
        data: the file; of an SVG, what `raster_of` gives.
        max_pixels: see `open_lazily`.

    Raises:
        BadImage: if it is no picture, or may not be decoded.
    """
    with as_bad_image(data):
        return without_long_texts(lambda file: _header(file, max_pixels), data)


def _header(data: bytes, max_pixels: int | None) -> Header:
    with open_lazily(data, max_pixels) as image:
        return Header(str(image.format), image.size, orientation(image, data))


def open_lazily(data: bytes, max_pixels: int | None = None) -> Image.Image:
    """Opens a picture without decoding it.

    Args:
        data: the file.
        max_pixels: the most to decode; a JPEG may have 64 times as many, see `reduce_jpeg`. None
            stands for `MAX_PIXELS` of a JPEG, and for `MOST_PIXELS` of what cannot be reduced.

    Raises:
        BadImage: if decoding it would take too much time or memory.
        Exception: any, of Pillow; see `as_bad_image`.
    """
    limit = (max_pixels or MOST_PIXELS) * PIXEL
    if data.startswith(_ICON):
        _check_icon(data, limit)
    image: Image.Image = Image.open(io.BytesIO(data), formats=FORMATS)
    _forget_xmp(image)
    if image.mode in ("F", "I"):
        raise _not_levels(data)
    if image.format in _JPEG:
        jpeg.check_cost(data, image.size)
        smallest = -(-image.width // 8) * -(-image.height // 8)
        check_memory(data, smallest * PIXEL, image.size, (max_pixels or MAX_PIXELS) * PIXEL)
        return image
    pixel = _JPEG_2000_PIXEL if image.format == "JPEG2000" else PIXEL
    check_memory(data, image.width * image.height * pixel, image.size, limit)
    if image.width * image.height > _SMALL:
        check_unfolding(data, image.width * image.height * _most_bytes(image, data), image.size)
    return image


def _most_bytes(image: Image.Image, data: bytes) -> int:
    """What a pixel takes at most on its way to upright RGB in sRGB on white."""
    taken = _STORED.get(image.mode, 4)
    profile = "icc_profile" in image.info
    if image.mode in ("RGBA", "RGBa", "LA", "La", "PA") or "transparency" in image.info:
        taken += 5 if image.mode == "RGBA" else 9  # RGBA, RGB and the mask between them
    elif image.mode != "RGB":
        taken += 5
    taken += PIXEL * profile + PIXEL * (orientation(image, data) != 1)
    return max(taken, _DECODER_PIXEL.get(str(image.format), 0))


def reduce_jpeg(image: Image.Image, data: bytes, max_pixels: int | None, enough: tuple[int, int] | None) -> None:
    """Has a JPEG decoded at the smallest eighth of its size that is enough; other formats are left.

    Args:
        image: as opened.
        data: the file.
        max_pixels: see `open_lazily`.
        enough: width and height, px; None for as many pixels as are allowed.
    """
    if image.format not in _JPEG:
        return
    pixels, limit = image.width * image.height, max_pixels or MAX_PIXELS
    if pixels > _SMALL:
        pixel = PIXEL * (1 + (image.mode != "RGB") + ("icc_profile" in image.info) + (orientation(image, data) != 1))
        left = granted(len(data)) - jpeg.read_markers(data).coefficients
        limit = min(limit, max(1, left // pixel))
    scale = next((scale for scale in (1, 2, 4) if pixels <= limit * scale * scale), 8)
    if scale == 1 and enough is None:
        return
    most = image.width // scale, image.height // scale
    wanted = most if enough is None else (min(enough[0], most[0]), min(enough[1], most[1]))
    image.draft(None, (max(1, wanted[0]), max(1, wanted[1])))


def _check_icon(data: bytes, limit: int) -> None:
    """Checks every picture of an icon by its own header: Pillow decodes one on opening.

    The sizes in an icon's directory are what the file claims.
    """
    (count,) = struct.unpack_from("<H", data, 4)
    if count > _MOST_ICONS:
        raise BadImage(f"icon of {len(data)} bytes has {count} pictures; the limit is {_MOST_ICONS}", "bomb")
    for entry in range(count):
        (offset,) = struct.unpack_from("<I", data, 6 + 16 * entry + 12)
        if data.startswith(_PNG, offset):
            width, height = struct.unpack_from(">II", data, offset + 16)
        else:
            old = data.startswith(b"\x0c\0\0\0", offset)
            width, height = map(abs, struct.unpack_from("<HH" if old else "<ii", data, offset + 4))
            height //= 2  # colours and mask lie one above the other
        check_memory(data, width * height * PIXEL, (width, height), limit)


def orientation(image: Image.Image, data: bytes) -> int:
    """The EXIF orientation, 1 to 8, 1 by default; from 5 on width and height change places."""
    if image.format == "TIFF":  # Pillow turns it itself
        return 1
    if image.format == "PNG" and not any(mark in data for mark in _PNG_TURNING):
        return 1
    try:
        if image.format == "PNG" and "exif" not in image.info:  # it may lie behind the pixels
            image.load()
            _forget_xmp(image)
        if "exif" in image.info:  # Pillow may have read it, and XMP, before
            exif = Image.Exif()
            exif.load(image.info["exif"])
        else:
            exif = image.getexif()
        value = exif.get(_ORIENTATION, 1)
    except Exception:  # noqa: BLE001 - broken metadata does not make a picture bad
        return 1
    return value if isinstance(value, int) and 1 <= value <= _HIGHEST else 1


def _forget_xmp(image: Image.Image) -> None:
    for name in _XMP:
        image.info.pop(name, None)


@contextmanager
def as_bad_image(data: bytes) -> Iterator[None]:
    """Whatever decoders raise becomes `BadImage`; equal bytes give equal messages."""
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # odd metadata is no news
            yield
    except BadImage:
        raise
    except UnidentifiedImageError:
        raise _unknown(data) from None
    except Image.DecompressionBombError as error:
        raise BadImage(
            f"picture of {len(data)} bytes cannot be decoded: {error}",
            "too_many_pixels" if len(data) * UNFOLDING > MOST_PIXELS * PIXEL else "bomb",
        ) from error
    except Exception as error:  # decoders raise whatever they like on hostile bytes
        raise BadImage(f"picture of {len(data)} bytes cannot be decoded: {error}") from error


def without_long_texts(read: Callable[[bytes], T], data: bytes) -> T:
    """Reads a PNG again without its texts and profile, if they are too long for Pillow."""
    try:
        return read(data)
    except ValueError as error:
        if "MAX_TEXT" not in str(error):
            raise
        return read(png_without(data, (b"tEXt", b"zTXt", b"iTXt", b"iCCP")))


def _not_levels(data: bytes) -> BadImage:
    return BadImage(
        f"picture of {len(data)} bytes has numbers of 32 bits for levels; what is black and what white it does not say",
        "unsupported_format",
    )


def _is_tiff_without_levels(data: bytes) -> bool:
    """Whether a TIFF says that its samples are floating-point or signed numbers."""
    if not data.startswith((b"II*\0", b"MM\0*")):
        return False
    try:
        directory = ImageFileDirectory_v2(data[:8])
        stream = io.BytesIO(data)
        stream.seek(directory.next)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            directory.load(stream)
        return _WHOLE not in directory.get(_SAMPLE_FORMAT, (_WHOLE,))
    except Exception:  # noqa: BLE001 - it raises anything on damaged files
        return False


def _unknown(data: bytes) -> BadImage:
    if _is_tiff_without_levels(data):
        return _not_levels(data)
    name = next((name for name, starts in _UNSUPPORTED if data.startswith(starts)), None)
    if name is None and data[4:8] == b"ftyp" and data[8:12] not in (b"avif", b"avis"):
        heif = data[8:12] in (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1")
        name = "HEIC" if heif else "video"
    if name is not None:
        return BadImage(f"picture of {len(data)} bytes is in a format that is not read: {name}", "unsupported_format")
    known = data.startswith((_PNG, jpeg.SIGNATURE, b"GIF8", b"RIFF", b"BM", b"II*\0", b"MM\0*")) or data[4:8] == b"ftyp"
    return BadImage(
        f"picture of {len(data)} bytes is in no known format",
        "undecodable" if known and len(data) > 12 else "not_a_picture",
    )
