"""All that reads pictures sees the same pixels, in every format, turn, depth and mode."""

import io
import struct
import zlib
from collections.abc import Callable
from functools import partial

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from components.crawl.pictures.verify import Verified, verify
from components.images.decode import decode, open_rgb, squash
from components.images.header import read_header
from components.models.preprocess import Resizing
from components.serve.search import thumbnail
from tests.crawl.conftest import knobs
from tests.images.drawings import CORNERS, RED, WHITE, encoded, near

SIDE = 32
Pixels = npt.NDArray[np.uint8]
Read = Callable[[bytes], Pixels]


def stored(data: bytes, resize: str) -> Pixels:
    found = verify(data, knobs(resize=resize, side=SIDE, min_side=4))
    assert isinstance(found, Verified)
    assert found.size == open_rgb(found.image).size
    return decode(found.image, SIDE)


READERS: dict[str, Read] = {
    "training, exact": partial(decode, size=SIDE),
    "training, quick": partial(decode, size=SIDE, quick=True),
    "squashed": partial(squash, size=SIDE, resampling=Image.Resampling.BICUBIC),
    "without antialiasing": lambda data: Resizing(antialias=False).square(data, SIDE).round().astype(np.uint8),
    "thumbnail": lambda data: np.asarray(Image.open(io.BytesIO(thumbnail(data, SIDE)))),
    "crawl, as served": partial(stored, resize="none"),
    "crawl, reduced": partial(stored, resize="keep_ratio"),
}


def cornered(mode: str = "RGB") -> Image.Image:
    """64 x 64, white, with a red corner at the upper left."""
    image = Image.new("RGB", (64, 64), "white")
    image.paste(RED, (0, 0, 24, 24))
    return image.convert(mode)


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
def test_every_reader_shows_every_format_upright(read: Read, kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    pixels = read(encoded(cornered(), kind, exif=exif))
    column, row = CORNERS[orientation]
    assert near(pixels[row, column], RED, slack=40)
    assert near(pixels[-1 - row, -1 - column], WHITE, slack=40)
    assert near(pixels[row, -1 - column], WHITE, slack=40)


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("compression", ["raw", "tiff_lzw", "tiff_adobe_deflate", "jpeg"])
def test_a_compressed_tiff_is_turned_once(compression: str, orientation: int) -> None:
    data = encoded(cornered(), "TIFF", tiffinfo={0x0112: orientation}, compression=compression)
    assert near(decode(data, SIDE)[CORNERS[orientation][::-1]], RED, slack=40)


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
def test_the_size_in_the_header_is_that_of_the_picture_shown(kind: str, orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = encoded(Image.new("RGB", (40, 20)), kind, exif=exif)
    assert read_header(data).upright_size == open_rgb(data).size == ((40, 20) if orientation < 5 else (20, 40))


def png(depth: int, colours: int, row: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    """A PNG of 64 equal rows."""
    header = b"IHDR", struct.pack(">IIBBBBB", 64, 64, depth, colours, 0, 0, 0)
    parts = [header, *chunks, (b"IDAT", zlib.compress((b"\0" + row) * 64)), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


def deep(value: int) -> bytes:
    return struct.pack(">H", value)


def ink(kind: str, **options: object) -> bytes:
    return encoded(Image.new("CMYK", (64, 64), (0, 255, 255, 0)), kind, **options)


ANIMATED = {"save_all": True, "append_images": [Image.new("RGB", (64, 64), "blue")]}
# A picture of one colour in each way to store it, and the colour that a browser shows.
MODES: dict[str, tuple[bytes, tuple[int, int, int]]] = {
    "grey of 16 bits": (png(16, 0, deep(0x8123) * 64), (0x81, 0x81, 0x81)),
    "grey of 16 bits, one level transparent": (png(16, 0, deep(7) * 64, (b"tRNS", deep(7))), WHITE),
    "grey of 16 bits in TIFF": (encoded(Image.fromarray(np.full((64, 64), 0x4100, np.uint16)), "TIFF"), (65, 65, 65)),
    "RGB of 16 bits": (png(16, 2, deep(0x80FF) * 2 * 64 + deep(0x80FF) * 64), (128, 128, 128)),
    "grey and alpha": (png(8, 4, b"\x40\x80" * 64), (159, 159, 159)),
    "grey and alpha of 16 bits": (png(16, 4, (deep(0x4000) + deep(0x8000)) * 64), (159, 159, 159)),
    "RGBA of 16 bits": (png(16, 6, (deep(0xFFFF) + deep(0) * 2 + deep(0x8000)) * 64), (255, 127, 127)),
    "two bits": (png(2, 0, b"\xaa" * 16), (170, 170, 170)),
    "palette with transparency": (png(8, 3, b"\1" * 64, (b"PLTE", bytes(3) + bytes(RED)), (b"tRNS", b"\xff\0")), WHITE),
    "palette, half transparent": (
        png(8, 3, b"\1" * 64, (b"PLTE", bytes(3) + bytes(RED)), (b"tRNS", b"\xff\x80")),
        (255, 127, 127),
    ),
    "CMYK by Adobe": (ink("JPEG"), RED),
    "CMYK in TIFF": (ink("TIFF"), RED),
    "progressive": (encoded(Image.new("RGB", (64, 64), RED), "JPEG", progressive=True), RED),
    "animated GIF": (encoded(Image.new("RGB", (64, 64), RED), "GIF", **ANIMATED), RED),
    "animated PNG": (encoded(Image.new("RGB", (64, 64), RED), "PNG", **ANIMATED), RED),
    "animated WebP": (encoded(Image.new("RGB", (64, 64), RED), "WEBP", **ANIMATED), RED),
    "animated AVIF": (encoded(Image.new("RGB", (64, 64), RED), "AVIF", **ANIMATED), RED),
    "pages of a TIFF": (encoded(Image.new("RGB", (64, 64), RED), "TIFF", **ANIMATED), RED),
    "icon": (encoded(Image.new("RGBA", (64, 64), (*RED, 0)), "ICO"), WHITE),
    "icon as bitmap": (encoded(Image.new("RGBA", (64, 64), (*RED, 255)), "ICO", bitmap_format="bmp"), RED),
    "JPEG 2000": (encoded(Image.new("RGB", (64, 64), RED), "JPEG2000"), RED),
    "SVG": (
        b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="64"><rect width="64" height="64" fill="red"/></svg>',
        RED,
    ),
}


@pytest.mark.parametrize(("data", "colour"), MODES.values(), ids=MODES)
def test_every_reader_shows_every_mode_alike(data: bytes, colour: tuple[int, int, int]) -> None:
    shown = {name: read(data) for name, read in READERS.items()}
    assert {name for name, pixels in shown.items() if not near(pixels[5, 20], colour, slack=5)} == set()


@pytest.mark.parametrize("quick", [False, True])
def test_inks_that_adobe_transformed_are_transformed_back(quick: bool) -> None:
    """The inverted inks (255, 0, 0) are read as Y, Cb, Cr: RGB (76, 390, 28) of inverted light."""
    data = ink("JPEG", quality=100).replace(b"Adobe\0d\0\0\0\0\0", b"Adobe\0d\0\0\0\0\2", 1)
    assert b"Adobe\0d\0\0\0\0\2" in data
    assert near(decode(data, 16, quick=quick)[4, 4], (179, 0, 227), slack=4)
