import io
from collections.abc import Callable

import pytest
from PIL import Image, ImageDraw

from components.crawl.pictures.near_copy import block_contrasts, block_means, difference, may_be_copies, thumbnail
from tests.crawl.conftest import drawing, encoded

THRESHOLD = 3.0


def compressed(image: Image.Image, kind: str, quality: int) -> Image.Image:
    return Image.open(io.BytesIO(encoded(image, kind, quality=quality))).convert("RGB")


def cut(image: Image.Image, left: int, top: int, right: int, bottom: int) -> Image.Image:
    return image.crop((left, top, image.width - right, image.height - bottom))


def flag(colours: tuple[str, str, str]) -> Image.Image:
    image = Image.new("RGB", (128, 128), "white")
    for n, colour in enumerate(colours):
        ImageDraw.Draw(image).rectangle((16 + 32 * n, 32, 47 + 32 * n, 96), fill=colour)
    return image


def clock(hour: float) -> Image.Image:
    image = Image.new("RGB", (128, 128), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((8, 8, 120, 120), fill="#dddddd", outline="#444444", width=6)
    pen.pieslice((20, 20, 108, 108), 30 * hour - 94, 30 * hour - 86, fill="#222222")
    return image


def face(smile: int, eyes: str = "#222222") -> Image.Image:
    image = Image.new("RGB", (128, 128), "white")
    pen = ImageDraw.Draw(image)
    pen.ellipse((8, 8, 120, 120), fill="#ffcc33")
    pen.ellipse((38, 40, 50, 54), fill=eyes)
    pen.ellipse((78, 40, 90, 54), fill=eyes)
    pen.arc(
        (40, 70 - abs(smile), 88, 90 + abs(smile)),
        0 if smile > 0 else 180,
        180 if smile > 0 else 360,
        fill="#222222",
        width=5,
    )
    return image


DRAWINGS = [drawing(seed, 128) for seed in range(1, 7)] + [flag(("#0033aa", "#ffffff", "#dd2222")), clock(4), face(8)]


@pytest.mark.parametrize(
    "alter",
    [
        lambda image: compressed(image, "JPEG", 85),
        lambda image: compressed(image, "WEBP", 85),
        lambda image: image.resize((80, 80), Image.Resampling.BICUBIC),
        lambda image: image.resize((300, 300), Image.Resampling.BILINEAR),
        lambda image: compressed(cut(image, 3, 3, 0, 0).resize((100, 100)), "JPEG", 90),
        lambda image: compressed(cut(image, 0, 2, 2, 0).resize((110, 110)), "WEBP", 90),
        lambda image: cut(image, 2, 2, 2, 2).resize((128, 128)),
        lambda image: cut(image, 2, 0, 2, 0),
    ],
)
def test_a_drawing_is_recognised_cut_scaled_and_compressed(alter: Callable[[Image.Image], Image.Image]) -> None:
    for original in DRAWINGS:
        one, other = thumbnail(alter(original)), thumbnail(original)
        assert may_be_copies(block_means(one), block_contrasts(one), block_means(other), block_contrasts(other))
        assert difference(one, other) <= THRESHOLD
        assert difference(other, one) <= THRESHOLD


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (flag(("#0033aa", "#ffffff", "#dd2222")), flag(("#009246", "#ffffff", "#dd2222"))),
        (flag(("#0033aa", "#ffffff", "#dd2222")), flag(("#dd2222", "#ffffff", "#0033aa"))),
        (clock(4), clock(5)),
        (clock(12), clock(6)),
        (face(8), face(-8)),
        (face(8), face(8, eyes="#2266ff")),
    ],
)
def test_similar_drawings_are_distinguished(one: Image.Image, other: Image.Image) -> None:
    assert difference(thumbnail(one), thumbnail(other)) > THRESHOLD


def test_a_picture_does_not_differ_from_itself() -> None:
    assert difference(thumbnail(face(8)), thumbnail(face(8))) <= 0


def test_blank_pictures_differ_by_their_colour() -> None:
    white, grey = (thumbnail(Image.new("RGB", (64, 64), colour)) for colour in ("#ffffff", "#f0f0f0"))
    assert difference(white, white) == 0
    assert difference(white, grey) == pytest.approx(15)
