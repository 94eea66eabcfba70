"""Pictures that are stored smaller than they were served."""

import io

import pytest
from PIL import Image

from components.crawl.pictures.verify import Verified, verify
from components.images.decode import open_rgb
from tests.crawl.conftest import knobs
from tests.images.test_reduce import difference, jpeg, photograph

EXIF_ORIENTATION = 0x0112


def test_a_cut_file_is_no_picture_at_any_size() -> None:
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
