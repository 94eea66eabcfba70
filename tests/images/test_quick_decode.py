"""Quick decoding gives nearly the same pixels, and the same errors."""

import numpy as np
import pytest
from PIL import Image
from pytest import MonkeyPatch

from components.images.decode import BadImage, decode, open_rgb
from tests.images.drawings import CORNERS, RED, WHITE, encoded, near, scribble


def apart(data: bytes, size: int) -> float:
    """Mean over pixels and colours, grey levels."""
    return float(np.abs(decode(data, size, quick=True).astype(int) - decode(data, size)).mean())


def photograph(size: tuple[int, int]) -> Image.Image:
    """Smooth colours with some noise."""
    chance = np.random.default_rng(3)
    coarse = Image.fromarray(chance.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(size, Image.Resampling.BICUBIC)
    noise = chance.normal(0, 8, (*size[::-1], 3))
    return Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8))


@pytest.mark.parametrize("size", [(64, 64), (66, 64), (80, 80), (96, 120), (250, 199), (640, 480), (900, 90)])
@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_quick_pixels_are_a_few_grey_levels_apart(kind: str, size: tuple[int, int]) -> None:
    assert apart(encoded(photograph(size), kind, quality=90), 64) < 4
    assert apart(encoded(scribble(4, 300).resize(size), kind, quality=90), 64) < 4


@pytest.mark.parametrize("kind", ["PNG", "WEBP"])
def test_quick_decoding_shows_transparency_on_white_whatever_colour_is_hidden(kind: str) -> None:
    image = Image.new("RGBA", (100, 100), (255, 0, 0, 0))
    image.paste((0, 0, 255, 128), (0, 50, 100, 100))
    pixels = decode(encoded(image, kind, lossless=True, exact=True), 64, quick=True)
    assert (pixels[:30] == WHITE).all()
    assert near(pixels[60, 10], (127, 127, 255))
    assert apart(encoded(image, kind, lossless=True, exact=True), 64) < 1


@pytest.mark.parametrize("mode", ["RGB", "RGBA"])
def test_quick_decoding_leaves_a_square_of_the_right_size_untouched(mode: str) -> None:
    image = scribble(3, 32)
    assert (decode(encoded(image.convert(mode)), 32, quick=True) == np.asarray(image)).all()


@pytest.mark.parametrize("side", [64, 100, 256, 257])
@pytest.mark.parametrize("kind", ["PNG", "JPEG"])
def test_quick_decoding_smooths_instead_of_picking_pixels(kind: str, side: int) -> None:
    board = np.indices((side, side)).sum(0) % 2 * 255
    pixels = decode(encoded(Image.fromarray(board.astype(np.uint8)), kind), 16, quick=True)
    assert np.abs(pixels.astype(int) - 127).max() < 40


@pytest.mark.parametrize("mode", ["1", "L", "P", "LA", "RGB", "CMYK", "I;16"])
@pytest.mark.parametrize("side", [8, 24])
def test_quick_decoding_knows_every_mode_and_enlarges(mode: str, side: int) -> None:
    white = (
        Image.fromarray(np.full((side, side), 0xFFFF, np.uint16))
        if mode == "I;16"
        else Image.new("RGB", (side, side), WHITE).convert(mode)
    )
    pixels = decode(encoded(white, "TIFF"), 16, quick=True)
    assert pixels.shape == (16, 16, 3)
    assert near(pixels[3, 3], WHITE)


@pytest.mark.parametrize("orientation", CORNERS)
def test_quick_decoding_turns_a_jpeg_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    image = Image.new("RGB", (64, 64), "white")
    image.paste(RED, (0, 0, 24, 24))
    column, row = CORNERS[orientation]
    pixels = decode(encoded(image, "JPEG", exif=exif), 32, quick=True)
    assert near(pixels[row, column], RED, slack=40)
    assert near(pixels[-1 - row, -1 - column], WHITE, slack=40)


@pytest.mark.parametrize("kind", ["PNG", "JPEG", "WEBP", "GIF"])
def test_what_is_bad_is_bad_quickly_too_and_in_the_same_words(kind: str) -> None:
    data = encoded(scribble(1), kind)
    said = [[outcome(data[:length], quick) for length in range(0, len(data), 97)] for quick in (False, True)]
    assert said[0] == said[1]
    # Pillow does without the last bytes, and a JPEG without its last rows.
    assert all(message.startswith("picture of") for message in said[0][: -3 if kind == "JPEG" else -1])


def outcome(data: bytes, quick: bool) -> str:
    try:
        decode(data, 32, quick=quick)
    except BadImage as error:
        return str(error)
    return "a picture"


@pytest.mark.parametrize("quick", [False, True])
def test_a_jpeg_with_more_pixels_than_are_decoded_at_once_is_reduced(quick: bool, monkeypatch: MonkeyPatch) -> None:
    monkeypatch.setattr("components.images.header.MAX_PIXELS", 2000)
    data = encoded(photograph((160, 120)), "JPEG")
    assert open_rgb(data).size == (40, 30)
    exact = decode(encoded(photograph((160, 120))), 16).astype(int)
    assert np.abs(decode(data, 16, quick=quick) - exact).mean() < 4
