import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, PngImagePlugin

from components.images.metadata import without_metadata
from tests.crawl.conftest import drawing, encoded

SECRET = b"Jane Doe at 52.1 N"
PROFILE = Image.new("RGB", (1, 1)).tobytes() + b"a colour profile" * 20


def exif() -> Image.Exif:
    made = Image.Exif()
    made[0x010E] = SECRET.decode()
    return made


def with_everything(kind: str) -> bytes:
    options: dict[str, object] = {"exif": exif(), "icc_profile": PROFILE}
    if kind == "PNG":
        notes = PngImagePlugin.PngInfo()
        for add in (notes.add_text, notes.add_itxt):
            add("Author", SECRET.decode())
        options["pnginfo"] = notes
    if kind == "JPEG":
        options["comment"] = SECRET
    if kind in ("JPEG", "WEBP"):
        options["xmp"] = b"<x>" + SECRET + b"</x>"
    return encoded(drawing(1), kind, **options)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_metadata_are_stripped_and_pixels_and_profile_preserved(kind: str) -> None:
    data = with_everything(kind)
    stripped = without_metadata(data, kind)
    assert SECRET in data
    assert SECRET not in stripped
    before, after = (Image.open(io.BytesIO(each)) for each in (data, stripped))
    assert after.tobytes() == before.tobytes()
    assert after.info["icc_profile"] == PROFILE
    assert not after.getexif()
    assert without_metadata(stripped, kind) == stripped


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
def test_a_file_without_metadata_is_not_touched(kind: str) -> None:
    data = encoded(drawing(2), kind)
    assert without_metadata(data, kind) == data


def test_an_animation_keeps_its_frames() -> None:
    data = encoded(drawing(1), "WEBP", save_all=True, append_images=[drawing(2)], exif=exif())
    stripped = without_metadata(data, "WEBP")
    assert SECRET not in stripped
    assert Image.open(io.BytesIO(stripped)).n_frames == 2  # type: ignore[attr-defined]


def test_trailing_data_of_a_webp_are_stripped() -> None:
    data = with_everything("WEBP")
    stripped = without_metadata(data + b"JUNK\xff\xff\xff\x7f" + SECRET, "WEBP")
    assert stripped == without_metadata(data, "WEBP")
    assert Image.open(io.BytesIO(stripped)).convert("RGB").size == (96, 96)


def test_a_webp_with_a_truncated_chunk_is_unchanged() -> None:
    data = with_everything("WEBP")[:-5]
    assert without_metadata(data, "WEBP") == data


def test_other_formats_are_unchanged() -> None:
    data = encoded(drawing(1), "TIFF", exif=exif())
    assert without_metadata(data, "TIFF") == data


@settings(max_examples=300)
@given(
    st.sampled_from(["JPEG", "PNG", "WEBP"]), st.lists(st.tuples(st.integers(0, 3000), st.integers(0, 255)), max_size=4)
)
def test_damaged_files_never_raise_or_loop(kind: str, changes: list[tuple[int, int]]) -> None:
    data = bytearray(with_everything(kind))
    for place, value in changes:
        data[place % len(data)] = value
    assert len(without_metadata(bytes(data), kind)) <= len(data) + 8
