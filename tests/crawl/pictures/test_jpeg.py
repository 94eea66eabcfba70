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
    for length in range(2, len(whole) * 7 // 8, 977):
        assert not isinstance(verify(whole[:length], shrink), Verified)


@pytest.mark.parametrize("options", [{}, {"progressive": True}, {"subsampling": "4:4:4"}])
@pytest.mark.parametrize("resize", ["none", "keep_ratio"])
@pytest.mark.parametrize("cut", [1, 2])
def test_a_file_without_its_end_is_taken_and_stored_with_it(options: dict[str, object], resize: str, cut: int) -> None:
    whole = jpeg(photograph(), **options)
    knob = knobs(resize=resize, side=64)
    found, expected = verify(whole[:-cut], knob), verify(whole, knob)
    assert isinstance(found, Verified)
    assert isinstance(expected, Verified)
    assert found.image.endswith(b"\xff\xd9")
    if resize == "none":
        assert found.image == expected.image
    assert difference(found.rgb, expected.rgb) < 2  # one was decoded quickly


def test_a_file_that_lacks_hardly_more_than_a_sixteenth_of_its_rows_is_taken() -> None:
    whole = jpeg(photograph())
    taken = [isinstance(verify(whole[: len(whole) * share // 100], knobs()), Verified) for share in (50, 85, 98, 99)]
    assert taken == [False, False, True, True]


def test_of_a_photograph_with_more_pixels_than_are_decoded_the_file_is_stored_whole() -> None:
    data = jpeg(photograph())
    found = verify(data, knobs(max_pixels=320 * 240 // 3))
    assert isinstance(found, Verified)
    assert (found.image, found.size, found.original_size, found.rgb.size) == (data, (320, 240), (320, 240), (160, 120))
    whole = verify(data, knobs())
    assert isinstance(whole, Verified)
    assert (found.phash ^ whole.phash).bit_count() <= 4


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
