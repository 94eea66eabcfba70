"""Small files cannot cost much time or memory; large photographs are no bombs."""

import io
import struct
import zlib

import pytest
from PIL import Image

from components.images import jpeg
from components.images.bad_image import BadImage
from components.images.decode import decode, open_rgb
from components.images.header import read_header
from components.images.memory import MAX_PIXELS, check_memory
from tests.images.drawings import RED, encoded, near, scribble
from tests.images.profiles import ADOBE, gamma, matrix_profile

PROGRESSIVE = encoded(Image.new("RGB", (400, 400), RED), "JPEG", progressive=True)
LAST_SCAN = PROGRESSIVE[PROGRESSIVE.rindex(b"\xff\xda") : -2]


def with_scans(data: bytes, more: int) -> bytes:
    return data[:-2] + LAST_SCAN * more + b"\xff\xd9"


def with_size(data: bytes, marker: bytes, size: tuple[int, int]) -> bytes:
    at = data.index(marker) + 5
    return data[:at] + struct.pack(">HH", *size) + data[at + 4 :]


def reason(data: bytes, *, quick: bool = False) -> str:
    try:
        decode(data, 32, quick=quick)
    except BadImage as error:
        return error.reason
    return "a picture"


# Scans


@pytest.mark.parametrize("quick", [False, True])
@pytest.mark.parametrize(("more", "found"), [(10, "a picture"), (80, "a picture"), (4000, "bomb"), (12_000, "bomb")])
def test_a_jpeg_may_have_as_many_scans_as_encoders_make(more: int, found: str, quick: bool) -> None:
    assert reason(with_scans(PROGRESSIVE, more), quick=quick) == found


def test_fill_bytes_and_segments_in_between_hide_no_scan() -> None:
    hidden = b"".join(b"\xff" * 3 + LAST_SCAN + b"\xff\xfe\0\4\xff\xd9" for _ in range(4000))
    assert reason(PROGRESSIVE[:-2] + hidden + b"\xff\xd9") == "bomb"


def test_a_baseline_picture_in_many_scans_is_seen_too() -> None:
    """Its components come one by one, over and over: it is gathered as a progressive one is."""
    data = encoded(Image.new("RGB", (400, 400)), "JPEG", subsampling="4:4:4")
    at = data.index(b"\xff\xda")
    one = b"\xff\xda\0\x08\1\1\0\0\x3f\0" + data[at + 14 : -2]
    assert reason(data[:at] + one * 400 + b"\xff\xd9") == "bomb"


def test_what_follows_a_picture_is_not_taken_for_scans() -> None:
    film = b"\xff\xda\0\0" * 5000
    data = encoded(Image.new("RGB", (1200, 1000), RED), "JPEG", progressive=True) + film
    assert near(open_rgb(data).getpixel((5, 5)), RED)


def test_larger_pictures_may_have_fewer_scans() -> None:
    jpeg.check_cost(with_scans(PROGRESSIVE, 60) + bytes(100_000), (400, 400))
    with pytest.raises(BadImage, match="more than 60 scans"):
        jpeg.check_cost(with_scans(PROGRESSIVE, 60) + bytes(100_000), (5000, 5000))


def test_a_jpeg_of_thousands_of_segments_is_refused() -> None:
    data = encoded(scribble(1), "JPEG")
    segments = b"\xff\xe5\0\2" * 30_000
    assert [reason(data[:2] + segments + data[2:], quick=quick) for quick in (False, True)] == ["bomb", "bomb"]


# Memory


def test_a_progressive_picture_is_refused_for_its_coefficients() -> None:
    assert reason(with_size(PROGRESSIVE, b"\xff\xc2", (12_000, 12_000))) == "bomb"


def test_a_baseline_picture_of_24_or_50_megapixels_is_decoded_smaller() -> None:
    data = encoded(Image.new("RGB", (400, 400), RED), "JPEG")
    for size in ((4000, 6000), (6144, 8192)):
        large = with_size(data, b"\xff\xc0", size)
        assert read_header(large).size == size[::-1]
        assert open_rgb(large, enough=(700, 500)).size == (size[1] // 8, size[0] // 8)


@pytest.mark.parametrize(
    ("length", "pixels", "found"),
    [
        (1_000, 24_000_000, ""),  # a blank page
        (1_000, MAX_PIXELS, "bomb"),
        (1_000_001, MAX_PIXELS, ""),
        (10_000_000, 50_000_000, ""),  # a photograph
        (10_000_000, 100_000_001, "too_many_pixels"),
    ],
)
def test_only_a_small_file_that_unfolds_far_is_a_bomb(length: int, pixels: int, found: str) -> None:
    try:
        check_memory(bytes(length), 4 * pixels, (pixels, 1))
    except BadImage as error:
        assert error.reason == found
    else:
        assert not found


def png(*chunks: tuple[bytes, bytes], size: tuple[int, int] = (8, 8), claims: tuple[int, int] | None = None) -> bytes:
    width, height = size
    rows = zlib.compress((b"\0" + bytes(RED) * width) * height)
    header = b"IHDR", struct.pack(">IIBBBBB", *(claims or size), 8, 2, 0, 0, 0)
    parts = [header, *chunks, (b"IDAT", rows), (b"IEND", b"")]
    body = [
        struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data)) for name, data in parts
    ]
    return b"\x89PNG\r\n\x1a\n" + b"".join(body)


@pytest.mark.parametrize("name", [b"zTXt", b"iCCP"])
def test_a_png_whose_texts_unfold_to_megabytes_is_shown_without_them(name: bytes) -> None:
    data = png((name, b"a\0\0" + zlib.compress(bytes(5_000_000))))
    assert open_rgb(data).getpixel((3, 3)) == RED
    assert decode(data, 8, quick=True)[3, 3].tolist() == list(RED)
    assert read_header(data).size == (8, 8)


def icon(inner: bytes) -> bytes:
    """An icon whose directory says 16 x 16 px."""
    return b"\0\0\1\0\1\0" + struct.pack("<BBBBHHII", 16, 16, 0, 0, 1, 32, len(inner), 22) + inner


def test_an_icon_has_the_size_of_what_it_contains() -> None:
    assert open_rgb(icon(png(size=(40, 20)))).size == (40, 20)
    assert reason(icon(png(claims=(9000, 9000)))) == "bomb"
    assert reason(icon(struct.pack("<IiiHHIIiiII", 40, 9000, 18_000, 1, 32, 0, 0, 0, 0, 0, 0))) == "bomb"


def test_a_turned_jpeg_with_a_profile_is_opened_with_both() -> None:
    exif = Image.Exif()
    exif[0x0112] = 6
    data = encoded(
        Image.new("RGB", (40, 20), (219, 0, 0)), "JPEG", exif=exif, icc_profile=matrix_profile(ADOBE, gamma(563 / 256))
    )
    markers = jpeg.read_markers(data)
    assert markers.turning
    assert markers.profile == matrix_profile(ADOBE, gamma(563 / 256))
    assert open_rgb(data).size == (20, 40)


# What is no picture that is read


@pytest.mark.parametrize(
    ("data", "found"),
    [
        (b"\0\0\0\x18ftypheic\0\0\0\0mif1heic", "unsupported_format"),
        (b"\0\0\0\x18ftypmif1\0\0\0\0mif1heic", "unsupported_format"),
        (b"\0\0\0\x18ftypisom\0\0\0\0isomavc1", "unsupported_format"),
        (b"\xff\x0a\xfa\x1f", "unsupported_format"),
        (b"\0\0\0\x0cJXL \r\n\x87\n", "unsupported_format"),
        (b"%PDF-1.7", "unsupported_format"),
        (b"8BPS\0\1", "unsupported_format"),
        (b"\x1a\x45\xdf\xa3", "unsupported_format"),
        (b"<html>", "not_a_picture"),
        (b"", "not_a_picture"),
        (b"\x89PNG\r\n\x1a\n" + bytes(40), "undecodable"),
        (b"\0\0\0\x18ftypavif\0\0\0\0mif1avif", "undecodable"),
    ],
)
def test_what_is_not_shown_says_why(data: bytes, found: str) -> None:
    assert reason(data) == reason(data, quick=True) == found


def test_fill_bytes_cost_their_number_not_its_square() -> None:
    markers = jpeg.read_markers(b"\xff\xd8" + b"\xff" * 1_000_000 + b"\0\0\0")
    assert (markers.coefficients, markers.profile, markers.turning) == (0, None, False)


@pytest.mark.parametrize(
    ("mode", "kind", "options", "side", "found"),
    [
        ("RGB", "PNG", {}, 4800, "a picture"),  # a blank page
        ("L", "PNG", {}, 4000, "a picture"),
        ("RGBA", "PNG", {}, 3200, "a picture"),
        ("RGBA", "PNG", {}, 3500, "bomb"),
        ("LA", "PNG", {}, 2700, "a picture"),
        ("LA", "PNG", {}, 2900, "bomb"),
        ("P", "PNG", {"transparency": 0}, 3300, "bomb"),
        ("RGB", "WEBP", {"quality": 1, "method": 0}, 2880, "a picture"),  # as many as 3840 x 2160
        ("RGB", "WEBP", {"quality": 1, "method": 0}, 2900, "bomb"),
    ],
)
def test_a_flat_picture_is_a_bomb_by_what_is_made_of_it(
    mode: str, kind: str, options: dict[str, int], side: int, found: str
) -> None:
    assert reason(encoded(Image.new(mode, (side, side)), kind, **options)) == found


def test_a_progressive_picture_is_decoded_smaller_where_its_coefficients_leave_no_room() -> None:
    claimed = with_size(PROGRESSIVE, b"\xff\xc2", (4500, 4500))
    assert open_rgb(claimed).size == (2250, 2250)
    assert open_rgb(with_size(PROGRESSIVE, b"\xff\xc2", (3000, 3000))).size == (3000, 3000)


def test_a_webp_is_decoded_as_pillow_does() -> None:
    for image in (scribble(3), scribble(4).convert("RGBA")):
        data = encoded(image, "WEBP", quality=90)
        with Image.open(io.BytesIO(data)) as theirs:
            assert open_rgb(data).tobytes() == theirs.convert("RGB").tobytes()
    with pytest.raises(BadImage):
        open_rgb(data[: len(data) // 2])
