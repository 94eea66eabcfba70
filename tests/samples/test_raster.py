"""Rendering of icons in each site's size, format and colours, deterministically."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from components.images.decode import open_rgb
from samples.concepts import SETS, Concept
from samples.raster import STYLES, _resolve, _transform, benchmark_picture, encode, hash_fraction, picture, render

KINDS = {"png": "PNG", "jpg": "JPEG", "webp": "WEBP"}


def a_drawing(art_set: str, concepts: list[Concept]) -> tuple[str, str]:
    return next((d.name, c.key) for c in concepts for d in c.drawings if d.art_set == art_set)


@pytest.mark.parametrize("art_set", SETS)
def test_a_picture_has_its_sites_format_and_size_and_shows_something(
    art_set: str, modules: Path, concepts: list[Concept]
) -> None:
    name, key = a_drawing(art_set, concepts)
    data = picture(modules, art_set, name, key)
    image = Image.open(io.BytesIO(data))
    assert (image.format, image.size) == (KINDS[STYLES[art_set].format], (STYLES[art_set].side,) * 2)
    assert 64 <= image.width <= 128
    assert np.asarray(open_rgb(data)).std() > 5
    assert picture(modules, art_set, name, key) == data


def test_a_benchmark_picture_is_larger_and_on_white(modules: Path) -> None:
    crab = benchmark_picture(modules, "twemoji", "crab", "emoji:1F980")
    assert (crab.mode, crab.size) == ("RGB", (128, 128))
    assert crab.getpixel((0, 0)) == (255, 255, 255)


def test_one_colour_marks_take_the_sites_colours(modules: Path) -> None:
    def corner(art_set: str, name: str) -> tuple[int, int, int]:
        return open_rgb(picture(modules, art_set, name, "brand:python")).getpixel((1, 1))

    assert np.abs(np.subtract(corner("bxl", "python"), (0x37, 0x76, 0xAB))).max() < 8  # a tile of the brand's blue
    assert np.abs(np.subtract(corner("cib", "python"), (0xF6, 0xF8, 0xFA))).max() < 3
    mark = np.asarray(render(modules, "simple-icons", "python", "brand:python", STYLES["simple-icons"], 64))
    assert (mark[..., :3] == (0x37, 0x76, 0xAB)).all(axis=-1).any()


def test_an_icon_that_flips_another_is_drawn_flipped() -> None:
    data = {
        "icons": {"left": {"body": "<b/>", "width": 4}},
        "aliases": {"right": {"parent": "left", "hFlip": True}, "r": {"parent": "right", "rotate": 1}},
    }
    assert _resolve(data, "left") == (data["icons"]["left"], {})
    assert _resolve(data, "r") == (data["icons"]["left"], {"hFlip": True, "rotate": 1})
    assert _transform({"hFlip": True}, (2, 2)) == "translate(2 2) scale(-1 1) translate(-2 -2)"


def test_transparency_becomes_white_only_where_the_format_has_none() -> None:
    clear = Image.new("RGBA", (8, 8), (255, 0, 0, 0))
    assert Image.open(io.BytesIO(encode(clear, "jpg"))).getpixel((4, 4)) == (255, 255, 255)
    for kind in ("png", "webp"):
        assert Image.open(io.BytesIO(encode(clear, kind))).getpixel((4, 4))[3] == 0


def test_hash_fractions_depend_on_the_parts_only_and_are_uniform() -> None:
    lots = [hash_fraction(7, "words", n) for n in range(2000)]
    assert lots == [hash_fraction(7, "words", n) for n in range(2000)]
    assert all(0 <= fraction < 1 for fraction in lots)
    assert abs(np.mean(lots) - 0.5) < 0.03
    assert hash_fraction(8, "words", 1) != lots[1]
    assert hash_fraction("a", "b") != hash_fraction("ab")
