"""Raw pixels, and the tower before training."""

from pathlib import Path

import numpy as np
import pytest

from components.errors import InputError
from components.evaluate import baselines
from components.models import towers
from components.storage.json_files import write_json


def test_pixels_are_averages_of_blocks_of_length_one_centred_or_not() -> None:
    picture = np.zeros((1, 4, 4, 3), np.uint8)
    picture[0, :2, :2] = 200
    means = np.array([200.0] * 3 + [0.0] * 9)
    np.testing.assert_allclose(baselines.pixels(picture, 2)[0], means / np.linalg.norm(means), rtol=1e-6)
    centred = means - 50
    np.testing.assert_allclose(baselines.centred_pixels(picture, 2)[0], centred / np.linalg.norm(centred), rtol=1e-6)


def test_brightness_and_contrast_do_not_change_centred_pixels() -> None:
    dark = np.random.default_rng(0).integers(0, 100, (3, 64, 64, 3)).astype(np.uint8)
    np.testing.assert_allclose(baselines.centred_pixels(dark * 2 + 20, 8), baselines.centred_pixels(dark, 8), atol=1e-4)


def test_a_picture_of_one_colour_becomes_zero_not_nan() -> None:
    assert not baselines.centred_pixels(np.full((1, 64, 64, 3), 7, np.uint8), 8).any()


def test_the_untrained_tower_is_the_one_that_the_model_s_seed_gives(tmp_path: Path) -> None:
    config = towers.read_config("resnet-small")
    write_json(tmp_path / "open_clip_config.json", config.to_json())
    pictures = np.random.default_rng(1).integers(0, 256, (2, 48, 48, 3)).astype(np.uint8)
    embeddings = []
    for seed in (3, 3, 4):
        write_json(tmp_path / "mofi.json", {"seed": seed})
        embeddings.append(baselines.untrained(tmp_path).images(pictures))
    np.testing.assert_array_equal(embeddings[0], embeddings[1])
    assert np.abs(embeddings[0] - embeddings[2]).max() > 1e-3


def test_a_model_without_a_seed_is_an_error(tmp_path: Path) -> None:
    write_json(tmp_path / "open_clip_config.json", towers.read_config("resnet-small").to_json())
    write_json(tmp_path / "mofi.json", {})
    with pytest.raises(InputError, match="no seed"):
        baselines.untrained(tmp_path)
