"""What a model must beat: raw pixels, and its own tower before any training."""

from functools import partial
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.evaluate.benchmark import Benchmark
from components.evaluate.format import CENTRED_SIDE, PIXEL_SIDES
from components.metrics.retrieval import unit_rows
from components.models import towers
from components.models.config import TowerConfig
from components.models.encoder import Encoder, encoder_from_towers
from components.storage.json_files import read_json

# Pictures are averaged down from this side, a multiple of all of PIXEL_SIDES.
PICTURE_SIDE = 64


def all_pixels(benchmark: Benchmark) -> dict[str, npt.NDArray[np.float32]]:
    """Every floor of pixels by name, float32 [n, …]; the pictures are decoded once."""
    kinds = {f"raw_pixels_{side}": partial(pixels, side=side) for side in PIXEL_SIDES}
    kinds[f"centred_pixels_{CENTRED_SIDE}"] = partial(centred_pixels, side=CENTRED_SIDE)
    parts = [{name: kind(batch) for name, kind in kinds.items()} for batch in benchmark.batches(PICTURE_SIDE)]
    return {name: np.concatenate([part[name] for part in parts]) for name in kinds}


def pixels(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """Averages over square blocks, L2-normalised: uint8 [n, s, s, 3] → float32 [n, side² * 3].

    Args:
        pictures: s is a multiple of `side`.
        side: blocks per side.
    """
    return unit_rows(_averages(pictures, side))


def centred_pixels(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    """As `pixels`, less each picture's mean: cosine is correlation, a stronger baseline."""
    means = _averages(pictures, side)
    return unit_rows(means - means.mean(axis=1, keepdims=True))


def _averages(pictures: npt.NDArray[np.uint8], side: int) -> npt.NDArray[np.float32]:
    n, size = pictures.shape[:2]
    block = size // side
    blocks = pictures.reshape(n, side, block, side, block, 3)
    means: npt.NDArray[np.float32] = blocks.mean(axis=(2, 4), dtype=np.float32).reshape(n, -1)
    return means


def untrained(model: Path) -> Encoder:
    """The encoder that a trained model was before its first step, from the same seed.

    Raises:
        InputError: if the folder does not say which.
    """
    config = read_json(model / "open_clip_config.json")
    card = read_json(model / "mofi.json")
    if "seed" not in card:
        raise InputError(f"{model / 'mofi.json'} holds no seed; train the model again")
    tower = TowerConfig(config["model_cfg"], config["preprocess_cfg"])
    return encoder_from_towers(towers.build(tower, int(card["seed"])), tower)
