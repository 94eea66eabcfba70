"""Colours are those of sRGB, whatever profile a picture comes with."""

import io

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, ImageCms

from components.images.colour import conversion
from components.images.decode import decode, open_rgb
from components.images.reduce import reduced_jpeg
from tests.images.drawings import WHITE, encoded, near, scribble
from tests.images.profiles import (
    ADOBE,
    P3,
    SRGB,
    SWAPPED,
    cmyk_profile,
    gamma,
    grey_profile,
    in_srgb,
    matrix_profile,
    srgb_curve,
)

PROFILES = {
    "Display P3": (matrix_profile(P3, srgb_curve()), P3, None),
    "Adobe RGB": (matrix_profile(ADOBE, gamma(563 / 256)), ADOBE, 563 / 256),
    "swapped channels": (matrix_profile(SWAPPED, srgb_curve()), SWAPPED, None),
    "gamma 1.8": (matrix_profile(SRGB, gamma(461 / 256)), SRGB, 461 / 256),
}
COLOURS = [(200, 100, 60), (40, 160, 90), (90, 90, 200), (128, 128, 128), (10, 20, 30), (255, 255, 255)]
LOSSLESS = {"quality": 100, "subsampling": "4:4:4"}


@pytest.mark.parametrize("colour", COLOURS)
@pytest.mark.parametrize("name", PROFILES)
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "TIFF", "WEBP"])
def test_colours_are_converted_by_the_profile(kind: str, name: str, colour: tuple[int, int, int]) -> None:
    icc, primaries, power = PROFILES[name]
    options = LOSSLESS if kind == "JPEG" else {"lossless": True}
    data = encoded(Image.new("RGB", (32, 32), colour), kind, icc_profile=icc, **options)
    expected = in_srgb(colour, primaries, power)
    assert near(open_rgb(data).getpixel((4, 4)), expected, slack=3)
    assert near(decode(data, 16, quick=True)[4, 4], expected, slack=3)


@pytest.mark.parametrize(("name", "colour"), [("Display P3", (234, 51, 35)), ("Adobe RGB", (219, 0, 0))])
def test_the_red_of_srgb_has_its_known_values_in_other_spaces(name: str, colour: tuple[int, int, int]) -> None:
    data = encoded(Image.new("RGB", (4, 4), colour), icc_profile=PROFILES[name][0])
    assert near(open_rgb(data).getpixel((1, 1)), (255, 0, 0), slack=1)


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "P"])
@pytest.mark.parametrize("quick", [False, True])
def test_swapped_channels_are_swapped_back_in_every_mode(mode: str, quick: bool) -> None:
    image = Image.new("RGB", (32, 32), (0, 255, 0)).convert(mode)
    pixels = decode(encoded(image, icc_profile=PROFILES["swapped channels"][0]), 16, quick=quick)
    assert near(pixels[3, 3], (0, 0, 255), slack=3)


def test_a_profile_of_colours_is_applied_to_grey() -> None:
    data = encoded(Image.new("L", (32, 32), 60), icc_profile=PROFILES["gamma 1.8"][0])
    expected = in_srgb([60] * 3, SRGB, 461 / 256)
    assert near(open_rgb(data).getpixel((2, 2)), expected, slack=2)  # type: ignore[arg-type]


def test_transparency_stays_and_is_shown_on_white() -> None:
    image = Image.new("RGBA", (16, 16), (0, 255, 0, 0))
    image.paste((0, 255, 0, 255), (0, 8, 16, 16))
    shown = open_rgb(encoded(image, icc_profile=PROFILES["swapped channels"][0]))
    assert shown.getpixel((3, 3)) == WHITE
    assert near(shown.getpixel((3, 12)), (0, 0, 255))


@pytest.mark.parametrize("mode", ["L", "LA"])
def test_a_grey_profile_is_applied_to_grey(mode: str) -> None:
    linear = encoded(Image.new(mode, (16, 16), 55 if mode == "L" else (55, 255)), icc_profile=grey_profile(gamma(1.0)))
    assert near(open_rgb(linear).getpixel((2, 2)), in_srgb([55] * 3, SRGB, 1.0), slack=3)  # type: ignore[arg-type]


@pytest.mark.parametrize("kind", ["JPEG", "TIFF"])
def test_inks_are_shown_by_their_profile(kind: str) -> None:
    """Half the cyan is of lightness L* = 78.4 x 127 / 255, which is the level 92 of sRGB."""
    data = encoded(Image.new("CMYK", (16, 16), (128, 0, 0, 0)), kind, icc_profile=cmyk_profile())
    assert near(open_rgb(data).getpixel((2, 2)), (92, 92, 92), slack=4)
    assert near(decode(data, 8, quick=True)[2, 2], (92, 92, 92), slack=4)


def sets_of_srgb() -> list[bytes]:
    built_in = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    return [built_in, matrix_profile(SRGB, srgb_curve())]


@pytest.mark.parametrize("icc", sets_of_srgb())
@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP"])
@pytest.mark.parametrize("quick", [False, True])
def test_a_profile_that_says_srgb_changes_no_bit(kind: str, icc: bytes, quick: bool) -> None:
    with_it, without = (encoded(scribble(5), kind, **more) for more in ({"icc_profile": icc}, {}))
    assert (decode(with_it, 32, quick=quick) == decode(without, 32, quick=quick)).all()


@pytest.mark.parametrize(
    "icc",
    [
        b"x",
        bytes(5000),
        PROFILES["Adobe RGB"][0][:200],
        PROFILES["Adobe RGB"][0][:150] + bytes(400),
        PROFILES["Adobe RGB"][0].replace(b"acsp", b"nono"),
        PROFILES["Adobe RGB"][0].replace(b"mntr", b"link"),
        cmyk_profile(),  # of inks, in a picture of light
        grey_profile(gamma(1.0)),
        PROFILES["Adobe RGB"][0] + bytes(4_000_000),
    ],
)
def test_a_profile_that_is_broken_or_of_another_kind_is_ignored(icc: bytes) -> None:
    image = scribble(6)
    assert (np.asarray(open_rgb(encoded(image, icc_profile=icc))) == np.asarray(image)).all()


@given(st.lists(st.tuples(st.integers(128, 420), st.integers(0, 255)), min_size=1, max_size=8), st.booleans())
@settings(max_examples=40, deadline=None)
def test_damaged_profiles_raise_nothing(changes: list[tuple[int, int]], inks: bool) -> None:
    icc = bytearray(cmyk_profile() if inks else PROFILES["Adobe RGB"][0])
    for place, value in changes:
        icc[place % len(icc)] = value
    image = Image.new("CMYK" if inks else "RGB", (4, 4), (50, 60, 70))
    assert open_rgb(encoded(image, "TIFF", icc_profile=bytes(icc))).mode == "RGB"


def test_no_more_conversions_are_kept_than_sites_use() -> None:
    for power in range(40):
        conversion(matrix_profile(SRGB, gamma(1 + power / 20)), "RGB")
    assert conversion.cache_info().currsize <= 16


def test_pixels_do_not_keep_the_profile_that_no_longer_describes_them() -> None:
    shown = open_rgb(encoded(scribble(7), icc_profile=PROFILES["Display P3"][0]))
    assert "icc_profile" not in Image.open(io.BytesIO(encoded(shown))).info


def test_a_jpeg_that_is_reduced_is_converted_too() -> None:
    icc, primaries, power = PROFILES["Adobe RGB"]
    data = encoded(Image.new("RGB", (64, 64), (40, 160, 90)), "JPEG", icc_profile=icc, **LOSSLESS)
    small = reduced_jpeg(data, (64, 64), (16, 16))
    assert small is not None
    assert near(small.getpixel((4, 4)), in_srgb((40, 160, 90), primaries, power), slack=3)  # type: ignore[arg-type]
