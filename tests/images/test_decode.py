"""Bytes → pixels: what a browser would show on white, or `BadImage`, whatever the bytes are."""

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.errors import InputError
from components.images.decode import BadImage, decode, open_rgb
from components.images.header import FORMATS
from tests.images.drawings import BLUE, CORNERS, RED, WHITE, encoded, near, scribble

# Colours


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_transparent_parts_become_white_and_half_transparent_ones_half(kind: str) -> None:
    image = Image.new("RGBA", (16, 16), (255, 0, 0, 0))
    image.paste((255, 0, 0, 128), (0, 8, 16, 16))
    shown = open_rgb(encoded(image, kind, lossless=True))
    assert shown.mode == "RGB"
    assert shown.getpixel((4, 2)) == WHITE
    assert near(shown.getpixel((4, 14)), (255, 127, 127))


@pytest.mark.parametrize("kind", ["PNG", "GIF"])
def test_a_transparent_colour_of_a_palette_becomes_white(kind: str) -> None:
    image = Image.new("P", (8, 8), 0)
    image.putpalette([0, 0, 0, *RED])
    image.paste(1, (4, 0, 8, 8))
    shown = open_rgb(encoded(image, kind, transparency=0))
    assert shown.getpixel((0, 0)) == WHITE
    assert shown.getpixel((6, 0)) == RED


@pytest.mark.parametrize(("mode", "hidden"), [("L", 0), ("1", 0), ("RGB", (0, 0, 0)), ("I;16", 0)])
def test_a_png_that_names_one_transparent_colour_shows_white_there(mode: str, hidden: object) -> None:
    image = Image.fromarray(np.zeros((8, 8), np.uint16)) if mode == "I;16" else Image.new(mode, (8, 8), 0)
    assert open_rgb(encoded(image, transparency=hidden)).getpixel((0, 0)) == WHITE


@pytest.mark.parametrize("kind", ["PNG", "TIFF"])
def test_sixteen_bits_of_grey_are_scaled_not_clipped(kind: str) -> None:
    levels = np.array([[0, 0x4000, 0x8000, 0xFFFF]] * 4, dtype=np.uint16)
    shown = np.asarray(open_rgb(encoded(Image.fromarray(levels), kind)))
    assert shown[0, :, 0].tolist() == [0, 0x40, 0x80, 0xFF]


def test_sixteen_bits_a_channel_are_scaled() -> None:
    row = b"\0" + struct.pack(">3H", 0x8000, 0x4000, 0xFFFF) * 4
    header = struct.pack(">IIBBBBB", 4, 4, 16, 2, 0, 0, 0)
    assert open_rgb(png_of(header, row * 4)).getpixel((1, 1)) == (0x80, 0x40, 0xFF)


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_the_colours_of_print_become_those_of_a_screen(kind: str) -> None:
    assert near(open_rgb(encoded(Image.new("CMYK", (16, 16), (0, 255, 255, 0)), kind)).getpixel((8, 8)), RED)
    assert near(open_rgb(encoded(Image.new("CMYK", (16, 16), (0, 0, 0, 0)), kind)).getpixel((8, 8)), WHITE)


@pytest.mark.parametrize(
    ("mode", "kind"), [("1", "PNG"), ("L", "JPEG"), ("LA", "PNG"), ("RGB", "BMP"), ("RGB", "AVIF")]
)
def test_every_mode_comes_out_as_rgb(mode: str, kind: str) -> None:
    white = Image.new(mode, (16, 16), "white")
    shown = open_rgb(encoded(white, kind))
    assert (shown.mode, shown.size) == ("RGB", (16, 16))
    assert near(shown.getpixel((3, 3)), WHITE)


# Frames and orientation


@pytest.mark.parametrize("kind", ["GIF", "WEBP", "PNG", "TIFF"])
def test_of_an_animation_the_first_frame_is_shown(kind: str) -> None:
    first, second = Image.new("RGB", (12, 12), RED), Image.new("RGB", (12, 12), BLUE)
    data = encoded(first, kind, save_all=True, append_images=[second])
    assert Image.open(io.BytesIO(data)).n_frames == 2
    assert near(open_rgb(data).getpixel((6, 6)), RED)


@pytest.mark.parametrize("orientation", CORNERS)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_picture_is_shown_upright_by_its_orientation(kind: str, orientation: int) -> None:
    image = Image.new("RGB", (32, 16), "white")
    image.paste(RED, (0, 0, 8, 8))
    exif = Image.Exif()
    exif[0x0112] = orientation
    shown = np.asarray(open_rgb(encoded(image, kind, exif=exif)))
    assert shown.shape[:2] == ((16, 32) if orientation < 5 else (32, 16))
    column, row = CORNERS[orientation]
    assert near(shown[row, column], RED, slack=40)
    assert near(shown[-1 - row, -1 - column], WHITE, slack=40)


@pytest.mark.parametrize(
    "exif", [b"Exif\0\0", b"Exif\0\0II*\0\xff\xff\xff\xff", b"\x00" * 40, b"Exif\0\0MM\0*" + b"\xff" * 60]
)
def test_broken_metadata_does_not_make_a_picture_bad(exif: bytes) -> None:
    assert near(open_rgb(encoded(Image.new("RGB", (16, 16), RED), "JPEG", exif=exif)).getpixel((2, 2)), RED)


# Bad bytes


def png_of(header: bytes, rows: bytes) -> bytes:
    def chunk(name: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(parts)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF", "BMP"])
@pytest.mark.parametrize("share", [0.0, 0.02, 0.5, 0.9])
def test_a_truncated_picture_is_bad(kind: str, share: float) -> None:
    data = encoded(scribble(1), kind)
    with pytest.raises(BadImage, match=r"picture of \d+ bytes"):
        open_rgb(data[: int(len(data) * share)])


def test_what_is_no_picture_is_bad_and_says_so_in_the_same_words_each_time() -> None:
    messages = set()
    for _ in range(2):
        with pytest.raises(BadImage) as caught:
            open_rgb(b"<!doctype html><p>Please log in.</p>")
        messages.add(str(caught.value))
    assert messages == {"picture of 36 bytes is in no known format"}
    assert issubclass(BadImage, InputError)


@pytest.mark.parametrize("side", [60_000, 6000])
def test_a_bomb_is_refused_by_its_header_before_it_unfolds(side: int) -> None:
    header = struct.pack(">IIBBBBB", side, side, 8, 2, 0, 0, 0)
    with pytest.raises(BadImage) as caught:
        open_rgb(png_of(header, b""))
    assert caught.value.reason == "bomb"


def test_the_limit_of_pixels_is_the_callers() -> None:
    data = encoded(Image.new("RGB", (20, 10)))
    assert open_rgb(data, max_pixels=200).size == (20, 10)
    with pytest.raises(BadImage, match="the limit is 199 pixels"):
        open_rgb(data, max_pixels=199)


def test_formats_that_start_another_program_are_not_opened() -> None:
    postscript = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 10 10\n%%EndComments\nshowpage\n"
    assert Image.open(io.BytesIO(postscript)).format == "EPS"
    with pytest.raises(BadImage, match="not read: PostScript"):
        open_rgb(postscript)
    assert "EPS" not in FORMATS


@given(st.binary(max_size=300))
@settings(max_examples=200, deadline=None)
def test_random_bytes_raise_nothing_but_bad_image(data: bytes) -> None:
    with pytest.raises(BadImage):
        open_rgb(data)


SEEDS = {kind: encoded(scribble(2, 24), kind) for kind in FORMATS}


@given(
    st.sampled_from(FORMATS),
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=4)), min_size=1, max_size=6),
    st.floats(0.5, 1),
)
@settings(max_examples=400, deadline=None)
def test_damaged_pictures_decode_or_raise_bad_image(kind: str, damage: list[tuple[float, bytes]], share: float) -> None:
    data = bytearray(SEEDS[kind])
    for place, patch in damage:
        start = int(place**3 * len(data))  # headers are hit more often
        data[start : start + len(patch)] = patch
    try:
        shown = open_rgb(bytes(data[: int(len(data) * share)]), max_pixels=1_000_000)
    except BadImage:
        return
    assert shown.mode == "RGB"


# Decoding to a square


def test_the_middle_square_is_kept() -> None:
    image = Image.new("RGB", (60, 20), "white")
    image.paste(RED, (20, 0, 40, 20))
    pixels = decode(encoded(image), 20)
    assert (pixels.shape, pixels.dtype) == ((20, 20, 3), np.uint8)
    assert (pixels == RED).all()
    assert (decode(encoded(image.rotate(90, expand=True)), 20) == RED).all()


def test_a_square_of_the_right_size_comes_through_untouched() -> None:
    image = scribble(3, 32)
    assert (decode(encoded(image), 32) == np.asarray(image)).all()


def test_resizing_smooths_instead_of_picking_pixels() -> None:
    board = np.indices((64, 64)).sum(0) % 2 * 255
    pixels = decode(encoded(Image.fromarray(board.astype(np.uint8))), 8)
    assert np.abs(pixels.astype(int) - 127).max() < 12


@pytest.mark.parametrize("size", [(1, 1), (1, 500_000), (500_000, 1), (3, 7)])
def test_no_shape_makes_decoding_unfold(size: tuple[int, int]) -> None:
    assert decode(encoded(Image.new("L", size, 255)), 64).shape == (64, 64, 3)
