"""Squares from files: photographs cheaply, everything else as everywhere."""

import io

import numpy as np
import pytest
from PIL import Image, ImageFilter

from components import images
from components.images import BadImage
from components.pretrain.stream.decode import decode_square
from tests.pretrain.conftest import drawing


def photograph(width: int, height: int, kind: str = "JPEG", **options: object) -> bytes:
    """Soft, coloured noise: smooth shades, as photographs have them."""
    rng = np.random.default_rng([width, height])
    coarse = Image.fromarray(rng.integers(0, 256, (height // 48 + 2, width // 48 + 2, 3), dtype=np.uint8))
    image = coarse.resize((width, height), Image.Resampling.BICUBIC).filter(ImageFilter.GaussianBlur(1))
    buffer = io.BytesIO()
    image.save(buffer, kind, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(("width", "height"), [(1024, 768), (301, 977), (70, 65), (640, 64), (2000, 80)])
def test_a_jpeg_is_what_a_careful_decoder_makes_of_it_to_a_few_grey_levels(width: int, height: int) -> None:
    data = photograph(width, height, quality=90)
    square = decode_square(data, 64)
    assert square.shape == (64, 64, 3)
    difference = square.astype(int) - images.decode(data, 64)
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_photograph_stands_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[0x0112] = orientation
    data = photograph(400, 240, quality=95, exif=exif)
    difference = decode_square(data, 64).astype(int) - images.decode(data, 64)
    assert np.abs(difference).mean() < 4


@pytest.mark.parametrize(
    "data",
    [drawing(3, 1), photograph(48, 48), photograph(300, 200, "WEBP"), photograph(64, 64), photograph(300, 200, "PNG")],
    ids=["drawing", "small JPEG", "WebP", "JPEG of the very size", "PNG"],
)
def test_everything_else_is_decoded_as_everywhere(data: bytes) -> None:
    np.testing.assert_array_equal(decode_square(data, 64), images.decode(data, 64, quick=True))


def test_grey_and_cmyk_jpegs_are_pictures_too() -> None:
    for mode in ("L", "CMYK"):
        buffer = io.BytesIO()
        Image.open(io.BytesIO(photograph(300, 200, "PNG"))).convert(mode).save(buffer, "JPEG")
        difference = decode_square(buffer.getvalue(), 64).astype(int) - images.decode(buffer.getvalue(), 64)
        assert np.abs(difference).mean() < 4


@pytest.mark.parametrize("kept", [2, 3, 20, 600, 0.5, 0.98])
def test_a_cut_jpeg_is_bad(kept: float) -> None:
    data = photograph(640, 480)
    with pytest.raises(BadImage):
        decode_square(data[: int(kept * len(data)) if isinstance(kept, float) else kept], 64)
