"""Hashes and colours that find copies of a picture."""

import numpy as np
import pytest
from PIL import Image

from components.images.decode import open_rgb
from components.images.fingerprint import COLOUR_SIDE, colours, perceptual_hash
from tests.images.drawings import encoded, scribble, stripes

DRAWINGS = [
    *(scribble(seed) for seed in range(40)),
    stripes(["black", "red", "gold"]),
    stripes(["white", "blue", "red"]),
]


def hashes(pictures: list[bytes]) -> np.ndarray:
    return np.array([perceptual_hash(open_rgb(data)) for data in pictures], dtype=np.uint64)


@pytest.mark.parametrize("kind", ["JPEG", "WEBP"])
def test_recompressed_and_rescaled_copies_differ_in_few_bits(kind: str) -> None:
    originals = hashes([encoded(image) for image in DRAWINGS])
    copies = hashes([encoded(image.resize((80, 80)), kind, quality=75) for image in DRAWINGS])
    assert np.bitwise_count(originals ^ copies).max() <= 9


def test_unrelated_drawings_differ_in_many_bits() -> None:
    found = hashes([encoded(image) for image in DRAWINGS[:40]])
    one, other = np.triu_indices(40, 1)
    between = np.bitwise_count(found[one] ^ found[other])
    assert np.median(between) > 20
    assert between.min() > 4


def test_a_plain_picture_has_no_bits_whatever_its_colour() -> None:
    assert (
        hashes([encoded(Image.new("RGB", (33, 47), colour)) for colour in ("white", "black", "#c44")]).tolist()
        == [0] * 3
    )


def test_the_hash_does_not_see_transparency_or_file_format() -> None:
    image = scribble(5)
    assert perceptual_hash(image) == perceptual_hash(open_rgb(encoded(image.convert("RGBA"), "WEBP", lossless=True)))
    assert 0 <= perceptual_hash(image) < 2**64


def test_colours_of_a_picture_are_those_of_its_fields_in_any_size() -> None:
    halves = Image.new("RGB", (160, 160), (250, 40, 0))
    halves.paste((0, 40, 250), (0, 80, 160, 160))
    large, small = (
        np.frombuffer(colours(halves.resize((side, side))), np.uint8).reshape(COLOUR_SIDE, COLOUR_SIDE, 3)
        for side in (480, 160)
    )
    assert large[0, 0].tolist() == [250, 40, 0]
    assert large[-1, 3].tolist() == [0, 40, 250]
    assert np.abs(large.astype(int) - small).max() <= 2
