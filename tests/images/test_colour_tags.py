"""Colours that PNG's chunks and AVIF's boxes describe, levels of sixteen bits, and XMP."""

import io
import struct
import zlib
from collections.abc import Sequence

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from components.crawl.pictures.verify import Rejected, verify
from components.images.bad_image import BadImage
from components.images.decode import open_rgb
from components.images.header import read_header
from tests.crawl.conftest import knobs
from tests.images.drawings import encoded, near
from tests.images.profiles import ADOBE, P3, SRGB, SWAPPED, in_srgb, matrix_profile, srgb_curve
from tests.images.test_one_decoder import READERS, Read

COLOURS = [(200, 100, 60), (40, 160, 90), (90, 90, 200), (128, 128, 128), (10, 20, 30), (255, 255, 255)]
D65 = (31270, 32900)
SRGB_POINTS = (*D65, 64000, 33000, 30000, 60000, 15000, 6000)
ADOBE_POINTS = (*D65, 64000, 33000, 21000, 71000, 15000, 6000)
SWAPPED_POINTS = (*D65, 30000, 60000, 15000, 6000, 64000, 33000)
P3_CODES, SRGB_CODES = bytes((12, 13, 0, 1)), bytes((1, 13, 0, 1))


def chunk(name: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + name + body + struct.pack(">I", zlib.crc32(name + body))


def chromaticities(numbers: Sequence[int]) -> bytes:
    return chunk(b"cHRM", struct.pack(">8I", *numbers))


def gamma(value: int) -> bytes:
    return chunk(b"gAMA", struct.pack(">I", value))


def png(colour: Sequence[int], *chunks: bytes, mode: str = "RGB", icc: bytes | None = None) -> bytes:
    """A PNG of one colour with chunks behind its header."""
    data = encoded(Image.new(mode, (32, 32), tuple(colour)), "PNG", **({"icc_profile": icc} if icc else {}))
    return data[:33] + b"".join(chunks) + data[33:]


def avif(colour: Sequence[int], primaries: int, transfer: int) -> bytes:
    data = encoded(Image.new("RGB", (32, 32), tuple(colour)), "AVIF", quality=100, subsampling="4:4:4")
    at = data.index(b"colrnclx") + 8
    return data[:at] + struct.pack(">HH", primaries, transfer) + data[at + 4 :]


@pytest.mark.parametrize("colour", COLOURS)
def test_the_colours_of_a_png_are_those_that_its_chunks_describe(colour: tuple[int, int, int]) -> None:
    adobe = in_srgb(colour, ADOBE, 2.2)
    swapped = in_srgb(colour, SWAPPED, 1.8)
    assert near(open_rgb(png(colour, gamma(45455), chromaticities(ADOBE_POINTS))).getpixel((4, 4)), adobe, slack=3)
    assert near(open_rgb(png(colour, chromaticities(SWAPPED_POINTS), gamma(55556))).getpixel((4, 4)), swapped, slack=3)
    assert near(open_rgb(png(colour, chunk(b"cICP", P3_CODES))).getpixel((4, 4)), in_srgb(colour, P3, None), slack=3)
    linear = chunk(b"cICP", bytes((1, 8, 0, 1)))
    assert near(open_rgb(png(colour, linear)).getpixel((4, 4)), in_srgb(colour, SRGB, 1.0), slack=3)


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize(("codes", "primaries"), [((12, 13), P3), ((12, 1), P3), ((1, 13), SRGB), ((2, 2), SRGB)])
def test_the_colours_of_an_avif_are_those_of_its_nclx_box(
    colour: tuple[int, int, int], codes: tuple[int, int], primaries: np.ndarray
) -> None:
    assert near(open_rgb(avif(colour, *codes)).getpixel((4, 4)), in_srgb(colour, primaries, None), slack=4)


@pytest.mark.parametrize(
    "chunks",
    [
        [],
        [gamma(45455), chromaticities(SRGB_POINTS)],
        [gamma(55556)],  # as browsers, which ask for both
        [chromaticities(SWAPPED_POINTS)],
        [chunk(b"sRGB", b"\0"), gamma(55556), chromaticities(SWAPPED_POINTS)],
        [chunk(b"cICP", SRGB_CODES), gamma(55556), chromaticities(SWAPPED_POINTS)],
        [chunk(b"cICP", bytes((99, 99, 0, 1)))],
        [gamma(0), chromaticities(SWAPPED_POINTS)],
        [gamma(45455), chromaticities([0] * 8)],
        [gamma(45455), chromaticities((*D65, *[30000, 30000] * 3))],
        [gamma(45455), chromaticities([2**31 - 1] * 8)],
    ],
)
def test_other_chunks_change_nothing(chunks: list[bytes]) -> None:
    assert open_rgb(png((200, 100, 60), *chunks)).getpixel((4, 4)) == (200, 100, 60)


def test_one_description_counts_the_most_exact_first() -> None:
    icc, colour = matrix_profile(SWAPPED, srgb_curve()), (200, 100, 60)
    tagged = gamma(45455), chromaticities(ADOBE_POINTS)
    assert near(open_rgb(png(colour, *tagged, icc=icc)).getpixel((4, 4)), in_srgb(colour, SWAPPED, None), slack=3)
    codes = chunk(b"cICP", P3_CODES)
    assert near(open_rgb(png(colour, codes, icc=icc)).getpixel((4, 4)), in_srgb(colour, P3, None), slack=3)


def test_grey_and_transparent_pixels_keep_what_they_are() -> None:
    tagged = gamma(55556), chromaticities(ADOBE_POINTS)
    grey = in_srgb((100, 100, 100), ADOBE, 1.8)
    assert near(open_rgb(png((100,), *tagged, mode="L")).getpixel((4, 4)), grey, slack=3)
    half = [round((one + 255) / 2) for one in in_srgb((200, 100, 60), ADOBE, 1.8)]
    assert near(open_rgb(png((200, 100, 60, 128), *tagged, mode="RGBA")).getpixel((4, 4)), half, slack=3)


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("kind", ["cICP", "cHRM", "nclx"])
def test_every_reader_converts_them(read: Read, kind: str) -> None:
    colour = (200, 100, 60)
    data = {
        "cICP": lambda: png(colour, chunk(b"cICP", P3_CODES)),
        "cHRM": lambda: png(colour, gamma(45455), chromaticities(ADOBE_POINTS)),
        "nclx": lambda: avif(colour, 12, 13),
    }[kind]()
    expected = in_srgb(colour, ADOBE, 2.2) if kind == "cHRM" else in_srgb(colour, P3, None)
    pixels = read(data)
    assert near(pixels[pixels.shape[0] // 2, pixels.shape[1] // 2], expected, slack=5)


@pytest.mark.parametrize("transfer", [16, 18])
def test_a_high_dynamic_range_is_not_read(transfer: int) -> None:
    for data in (png((200, 100, 60), chunk(b"cICP", bytes((9, transfer, 0, 1)))), avif((200, 100, 60), 9, transfer)):
        assert verify(data, knobs()) == Rejected("unsupported_format", 32, 32)


@given(st.lists(st.integers(0, 2**32 - 1), min_size=8, max_size=8), st.integers(0, 2**32 - 1), st.binary(max_size=6))
@settings(max_examples=200, deadline=None)
def test_no_chunk_makes_a_picture_bad(numbers: list[int], power: int, codes: bytes) -> None:
    try:
        shown = open_rgb(png((200, 100, 60), gamma(power), chromaticities(numbers), chunk(b"cICP", codes)))
    except BadImage as error:
        assert error.reason == "unsupported_format"
        assert codes[1] in (16, 18)
    else:
        assert shown.mode == "RGB"


# Sixteen and thirty-two bits

LEVELS = (60000, 40000, 20000)


def sixteen(ending: str, *channels: int) -> bytes:
    """A picture of one colour in sixteen bits: grey, RGB or RGBA."""
    pixels = np.full((32, 32, len(channels)), channels, np.uint16)
    if len(channels) > 2:
        pixels[:, :, :3] = pixels[:, :, 2::-1]
    return bytes(cv2.imencode(ending, pixels)[1].tobytes())


@pytest.mark.parametrize("read", READERS.values(), ids=READERS)
@pytest.mark.parametrize("ending", [".png", ".tiff"])
@pytest.mark.parametrize("alpha", [None, 65535, 32768, 0])
def test_sixteen_bits_with_and_without_alpha_are_scaled(read: Read, ending: str, alpha: int | None) -> None:
    data = sixteen(ending, *LEVELS, *([] if alpha is None else [alpha]))
    share = 1 if alpha is None else alpha / 65535
    expected = [round(share * level / 257 + (1 - share) * 255) for level in LEVELS]
    assert near(read(data)[8, 8], expected, slack=2)


@pytest.mark.parametrize(("alpha", "expected"), [(65535, 156), (32768, 205), (0, 255)])
def test_grey_of_sixteen_bits_with_alpha_is_scaled(alpha: int, expected: int) -> None:
    rows = (b"\0" + struct.pack(">HH", 40000, alpha) * 32) * 32
    head = chunk(b"IHDR", struct.pack(">IIBBBBB", 32, 32, 16, 4, 0, 0, 0))
    data = b"\x89PNG\r\n\x1a\n" + head + chunk(b"IDAT", zlib.compress(rows)) + chunk(b"IEND", b"")
    assert near(open_rgb(data).getpixel((4, 4)), (expected,) * 3, slack=2)


def test_a_colour_of_sixteen_bits_can_be_the_transparent_one() -> None:
    data = sixteen(".png", *LEVELS)
    hidden = chunk(b"tRNS", struct.pack(">HHH", *LEVELS))
    assert open_rgb(data[:33] + hidden + data[33:]).getpixel((4, 4)) == (255, 255, 255)


@pytest.mark.parametrize("kind", [np.float32, np.float64])
@pytest.mark.parametrize("channels", [1, 3])
def test_floating_point_numbers_are_no_levels(kind: type, channels: int) -> None:
    data = cv2.imencode(".tiff", np.full((32, 32, channels), 0.5, kind))[1].tobytes()
    found = verify(data, knobs())
    assert isinstance(found, Rejected)
    assert found.reason == "unsupported_format"


@pytest.mark.parametrize("mode", ["F", "I"])
def test_numbers_of_thirty_two_bits_are_no_levels(mode: str) -> None:
    with pytest.raises(BadImage, match="32 bits for levels") as error:
        open_rgb(encoded(Image.new(mode, (32, 32), 70_000), "TIFF"))
    assert error.value.reason == "unsupported_format"


# XMP


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "AVIF"])
@pytest.mark.parametrize("behind", [False, True])
def test_an_orientation_that_only_xmp_names_turns_nothing(kind: str, behind: bool) -> None:
    """As in browsers: programs that turn the pixels often leave it there."""
    xmp = '<x:xmpmeta><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    image, info, exif = Image.new("RGB", (40, 20)), PngInfo(), Image.Exif()
    info.add_itxt("XML:com.adobe.xmp", xmp, zip=behind)
    exif[0x010E] = "a description"
    options = {"PNG": {"pnginfo": info}, "TIFF": {"tiffinfo": {700: xmp.encode()}}}.get(kind, {"xmp": xmp.encode()})
    if behind and kind in ("JPEG", "WEBP"):
        options["exif"] = exif
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    data = buffer.getvalue()
    if kind == "PNG" and behind:  # moved behind the pixels
        start = data.index(b"iTXt") - 4
        end = start + 12 + int.from_bytes(data[start : start + 4], "big")
        data = data[:start] + data[end:-12] + data[start:end] + chunk(b"eXIf", exif.tobytes()[6:]) + data[-12:]
    assert read_header(data).upright_size == open_rgb(data).size == (40, 20)
