import io

import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image

from components.crawl.pictures.verify import Verified, verify
from components.images.decode import open_rgb
from components.images.reduce import reduced
from tests.crawl.conftest import encoded, knobs

SIZE = (320, 240)
EXIF_ORIENTATION = 0x0112


def photograph(mode: str = "RGB") -> Image.Image:
    """Smooth colours with some detail, which reveals filters that skip pixels."""
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
def test_pixels_are_those_of_the_whole_picture_reduced(mode: str, width: int) -> None:
    data = jpeg(photograph(mode))
    wanted = width, max(1, round(width * 3 / 4))
    small = reduced(data, SIZE, wanted)
    assert small is not None
    assert (small.mode, small.size) == ("RGB", wanted)
    assert difference(small, open_rgb(data).resize(wanted, Image.Resampling.HAMMING)) < 3


@pytest.mark.parametrize("subsampling", ["4:4:4", "4:2:2", "4:2:0"])
@pytest.mark.parametrize("progressive", [False, True])
def test_every_usual_kind_of_jpeg_is_read(subsampling: str, progressive: bool) -> None:
    small = reduced(jpeg(photograph(), subsampling=subsampling, progressive=progressive), SIZE, (200, 150))
    assert small is not None
    assert difference(small, photograph().resize((200, 150), Image.Resampling.LANCZOS)) < 5


def test_unusual_jpegs_are_left_to_pillow() -> None:
    whole = jpeg(photograph())
    assert reduced(jpeg(photograph("CMYK")), SIZE, (160, 120)) is None
    assert reduced(whole[: len(whole) // 2], SIZE, (160, 120)) is None
    assert reduced(whole, (321, 240), (160, 120)) is None  # Pillow read another size
    assert reduced(b"", SIZE, (160, 120)) is None
    assert reduced(encoded(photograph(), "PNG"), SIZE, (160, 120)) is None


def test_a_truncated_file_is_undecodable_at_any_size() -> None:
    whole = jpeg(photograph())
    shrink = knobs(resize="keep_ratio", side=64)
    for length in range(2, len(whole) - 2, 977):
        assert not isinstance(verify(whole[:length], shrink), Verified)


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_smaller_picture_is_upright(orientation: int) -> None:
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = orientation
    data = jpeg(photograph(), exif=exif)
    found = verify(data, knobs(resize="keep_ratio", side=60))
    assert isinstance(found, Verified)
    stored = Image.open(io.BytesIO(found.image))
    assert stored.size == found.rgb.size == ((80, 60) if orientation < 5 else (60, 80))
    assert difference(found.rgb, open_rgb(data).resize(stored.size, Image.Resampling.LANCZOS)) < 5
