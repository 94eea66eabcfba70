import hashlib
import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from components.crawl.pictures.verify import Rejected, Verified, verify
from components.crawl.reasons import errors
from components.images.decode import open_rgb
from tests.crawl.conftest import drawing, encoded, knobs
from tests.images.profiles import SWAPPED, matrix_profile, srgb_curve

PICTURES = {kind: encoded(drawing(1), kind) for kind in ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF")}


def look(data: bytes, max_pixels: int = 1_000_000, min_side: int = 32) -> Verified | Rejected:
    return verify(data, knobs(max_pixels=max_pixels, min_side=min_side))


@pytest.mark.parametrize(("kind", "extension"), [("PNG", "png"), ("JPEG", "jpg"), ("WEBP", "webp")])
def test_web_formats_are_stored_as_served(kind: str, extension: str) -> None:
    found = look(PICTURES[kind])
    assert isinstance(found, Verified)
    assert (found.image, found.extension, found.rgb.size) == (PICTURES[kind], extension, (96, 96))
    assert found.sha256 == hashlib.sha256(PICTURES[kind]).hexdigest()


@pytest.mark.parametrize("kind", ["GIF", "BMP", "TIFF"])
def test_other_formats_become_png(kind: str) -> None:
    found = look(PICTURES[kind])
    assert isinstance(found, Verified)
    assert found.extension == "png"
    assert Image.open(io.BytesIO(found.image)).format == "PNG"


def test_the_first_frame_of_an_animation_is_taken() -> None:
    data = encoded(drawing(1), "GIF", save_all=True, append_images=[drawing(2)])
    first, still = look(data), look(PICTURES["GIF"])
    assert isinstance(first, Verified)
    assert isinstance(still, Verified)
    assert first.image == still.image


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_a_truncated_picture_is_undecodable(kind: str) -> None:
    data = PICTURES[kind]
    assert look(data[: 2 * len(data) // 3]).reason == "undecodable"  # type: ignore[union-attr]


@pytest.mark.parametrize(
    "data",
    [b"", b"<!doctype html><p>Please log in.</p>", b"<html><svg xmlns='http://www.w3.org/2000/svg'/>", bytes(100)],
)
def test_a_page_in_disguise_is_no_picture(data: bytes) -> None:
    assert look(data) == Rejected("not_a_picture")


def test_postscript_is_never_opened() -> None:
    assert look(b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 64 64\n%%EndComments\nshowpage\n") == Rejected(
        "unsupported_format"
    )


def test_a_decompression_bomb_is_recognised_by_its_header() -> None:
    bomb = encoded(Image.new("1", (6000, 6000)))
    assert len(bomb) < 10_000
    assert look(bomb, 20_000_000) == Rejected("bomb", 6000, 6000)


def test_what_is_only_large_is_not_called_a_bomb() -> None:
    assert look(encoded(drawing(1, 100)), 9999) == Rejected("too_many_pixels", 100, 100)


def test_a_bomb_beyond_what_pillow_opens_is_one_too() -> None:
    header = b"IHDR" + struct.pack(">IIBBBBB", 60_000, 60_000, 8, 2, 0, 0, 0)
    bomb = (
        b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + header + struct.pack(">I", zlib.crc32(header)) + b"\0\0\0\4IDAT"
    )
    assert look(bomb) == Rejected("bomb")


def test_a_small_picture_is_rejected_with_its_size() -> None:
    assert look(encoded(drawing(1).resize((96, 31)))) == Rejected("too_small", 96, 31)


@settings(max_examples=300, deadline=None)
@given(
    st.sampled_from(sorted(PICTURES)),
    st.lists(st.tuples(st.integers(0, 400), st.integers(0, 255)), max_size=8),
    st.integers(0, 4000),
)
def test_damaged_bytes_never_raise(kind: str, changes: list[tuple[int, int]], length: int) -> None:
    data = bytearray(PICTURES[kind])
    for place, value in changes:
        data[place % len(data)] = value
    found = look(bytes(data[: len(data) - length]))
    assert isinstance(found, Rejected) or found.rgb.mode == "RGB"


def resized(data: bytes, **changes: object) -> Verified:
    found = verify(data, knobs(**changes))
    assert isinstance(found, Verified)
    return found


WIDE = drawing(3, 200).crop((0, 20, 200, 170))


@pytest.mark.parametrize(
    ("resize", "size"),
    [("keep_ratio", (85, 64)), ("center_crop", (64, 64)), ("border", (64, 64)), ("none", (200, 150))],
)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
def test_pictures_are_resized_in_the_format_served(kind: str, resize: str, size: tuple[int, int]) -> None:
    found = resized(encoded(WIDE, kind), resize=resize)
    stored = Image.open(io.BytesIO(found.image))
    assert (stored.size, stored.format, found.rgb.size, found.original_size) == (size, kind, size, (200, 150))


def test_a_picture_that_is_small_enough_is_stored_as_served() -> None:
    data = encoded(drawing(1), "JPEG")
    assert resized(data, resize="keep_ratio", side=96).image == data


@pytest.mark.parametrize(("encode", "kind"), [("jpg", "JPEG"), ("png", "PNG"), ("webp", "WEBP")])
def test_pictures_can_be_reencoded(encode: str, kind: str) -> None:
    for data in PICTURES.values():
        found = resized(data, encode=encode)
        assert Image.open(io.BytesIO(found.image)).format == kind
        assert found.extension == encode
    assert resized(PICTURES[kind], encode=encode).image == PICTURES[kind]


@pytest.mark.parametrize(("encode", "side"), [("webp", 16_384), ("jpg", 65_501)])
def test_a_picture_that_is_too_long_for_a_format_becomes_png(encode: str, side: int) -> None:
    long, fitting = (encoded(Image.new("L", (32, height))) for height in (side, side - 1))
    found = [verify(data, knobs(encode=encode, max_pixels=10_000_000)) for data in (long, fitting)]
    assert [one.extension for one in found if isinstance(one, Verified)] == ["png", encode]


def test_a_large_jpeg_is_reduced_to_what_full_decoding_gives() -> None:
    photo = Image.effect_mandelbrot((1600, 1200), (-2, -1.2, 1, 1.2), 60).convert("RGB")
    data = encoded(photo, "JPEG", quality=95)
    quick = np.asarray(resized(data, resize="keep_ratio", max_pixels=10**7, max_picture_bytes=10**7).rgb, dtype=float)
    exact = np.asarray(photo.resize((85, 64), Image.Resampling.BICUBIC), dtype=float)
    assert np.abs(quick - exact).mean() < 2


def test_a_sideways_picture_is_stored_upright() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(WIDE, "JPEG", exif=exif, quality=95)
    found = resized(data)
    stored = Image.open(io.BytesIO(found.image))
    assert (stored.size, found.original_size) == ((150, 200), (150, 200))
    assert not stored.getexif()
    turned = np.asarray(WIDE.transpose(Image.Transpose.ROTATE_270), dtype=float)
    assert np.abs(np.asarray(stored, dtype=float) - turned).mean() < 4


DRAWING = (
    b'<svg xmlns="http://www.w3.org/2000/svg" width="64" height="48"><rect width="64" height="48" fill="red"/></svg>'
)


@pytest.mark.parametrize(
    "data", [DRAWING, *(encoded(drawing(1, 48), kind) for kind in ("ICO", "JPEG2000", "AVIF"))], ids=range(4)
)
@pytest.mark.parametrize("resize", ["none", "keep_ratio"])
def test_what_browsers_show_is_stored_as_png(data: bytes, resize: str) -> None:
    found = resized(data, resize=resize, side=40)
    stored = Image.open(io.BytesIO(found.image))
    assert (stored.format, found.extension) == ("PNG", "png")
    assert stored.size == found.size == found.rgb.size
    assert min(stored.size) == (48 if resize == "none" else 40)


@pytest.mark.parametrize(
    "data", [b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", b"\xff\x0a", encoded(Image.new("1", (6000, 6000)))]
)
def test_what_is_not_taken_although_it_is_whole_is_no_error(data: bytes) -> None:
    found = look(data)
    assert isinstance(found, Rejected)
    assert errors({found.reason: 1}) == 0


@pytest.mark.parametrize(
    "options", [{"resize": "keep_ratio"}, {"encode": "png"}, {"encode": "webp"}, {"encode": "jpg"}]
)
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_what_is_encoded_again_has_the_colours_of_srgb_and_no_profile(kind: str, options: dict[str, object]) -> None:
    icc = matrix_profile(SWAPPED, srgb_curve())
    for turned in (1, 6):
        exif = Image.Exif()
        exif[0x0112] = turned
        data = encoded(Image.new("RGB", (96, 96), (0, 255, 0)), kind, icc_profile=icc, exif=exif, quality=95)
        found = resized(data, **options)
        stored = Image.open(io.BytesIO(found.image))
        if "icc_profile" in stored.info:  # as served: the profile is kept, and readers apply it
            assert found.image[:4] == data[:4]
        assert np.abs(np.subtract(open_rgb(found.image).getpixel((30, 30)), (0, 0, 255))).max() < 8
        assert np.abs(np.subtract(found.rgb.getpixel((30, 30)), (0, 0, 255))).max() < 8
