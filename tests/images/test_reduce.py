"""JPEGs decoded at a smaller size."""

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from components.images.decode import open_rgb
from components.images.reduce import decode_jpeg, reduced_jpeg
from tests.images.drawings import encoded

SIZE = (320, 240)


def photograph(mode: str = "RGB") -> Image.Image:
    """Smooth colours with some detail, so that a filter that skips pixels shows."""
    chance = np.random.default_rng(3)
    coarse = Image.fromarray(chance.integers(0, 256, (6, 8, 3), dtype=np.uint8)).resize(SIZE, Image.Resampling.BICUBIC)
    noise = chance.normal(0, 10, (*SIZE[::-1], 3))
    return Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)).convert(mode)


def jpeg(picture: Image.Image, **options: object) -> bytes:
    return encoded(picture, "JPEG", quality=90, **options)


def difference(one: Image.Image, other: Image.Image) -> float:
    """Mean over pixels and colours, grey levels."""

    def levels(picture: Image.Image) -> npt.NDArray[np.int32]:
        return np.asarray(picture.convert("RGB"), dtype=np.int32)

    return float(np.abs(levels(one) - levels(other)).mean())


@pytest.mark.parametrize("width", [320, 319, 300, 200, 171, 160, 128, 100, 64, 33, 16, 7])
@pytest.mark.parametrize("mode", ["RGB", "L"])
def test_pixels_are_those_of_the_whole_picture_reduced_jpeg(mode: str, width: int) -> None:
    data = jpeg(photograph(mode))
    wanted = width, max(1, round(width * 3 / 4))
    small = reduced_jpeg(data, SIZE, wanted)
    assert small is not None
    assert (small.mode, small.size) == ("RGB", wanted)
    assert difference(small, open_rgb(data).resize(wanted, Image.Resampling.HAMMING)) < 3


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_usual_kind_of_jpeg_is_read(subsampling: str, progressive: bool) -> None:
    small = reduced_jpeg(jpeg(photograph(), subsampling=subsampling, progressive=progressive), SIZE, (200, 150))
    assert small is not None
    assert difference(small, photograph().resize((200, 150), Image.Resampling.LANCZOS)) < 5


def test_what_is_unusual_is_left_to_pillow() -> None:
    whole = jpeg(photograph())
    assert reduced_jpeg(jpeg(photograph("CMYK")), SIZE, (160, 120)) is None
    assert reduced_jpeg(whole[: len(whole) // 2], SIZE, (160, 120)) is None
    assert reduced_jpeg(whole, (321, 240), (160, 120)) is None  # Pillow read another size
    assert reduced_jpeg(b"", SIZE, (160, 120)) is None
    assert reduced_jpeg(encoded(photograph(), "PNG"), SIZE, (160, 120)) is None


@pytest.mark.parametrize("layout", ["RGB", "RGBX"])
def test_a_jpeg_is_decoded_at_the_smallest_eighth_that_is_enough(layout: str) -> None:
    pixels = decode_jpeg(jpeg(photograph()), (121, 90), lambda *_: True, layout)
    assert pixels is not None
    assert pixels.shape == (120, 160, len(layout))


def test_a_picture_that_does_not_fit_is_not_decoded() -> None:
    assert decode_jpeg(jpeg(photograph()), (16, 16), lambda width, height: (width, height) != SIZE) is None
