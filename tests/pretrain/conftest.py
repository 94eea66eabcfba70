"""Small real shards, towers that train in milliseconds, and jobs made of them."""

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import torch
from PIL import Image, ImageDraw

from components.models import towers
from components.pretrain.data.picture_cache import DecodedPictures, decode_shard
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters
from components.shards.format import (
    INDEX_SCHEMA,
    LABELLED_INDEX_SCHEMA,
    SUCCESS,
    picture_key,
    shard_name,
    shard_numbers,
)
from components.shards.writer import Row, write_shard
from tests.registry.conftest import TINY

# Without BatchNorm, so that a picture's embedding does not depend on the others of its batch.
TINY_VIT = TINY | {
    "model_cfg": TINY["model_cfg"]
    | {"vision_cfg": {"layers": 1, "width": 16, "head_width": 8, "patch_size": 16, "image_size": 32}}
}
NO_AUGMENTATION = {
    "crop_area": 1.0,
    "crop_aspect": 1.0,
    "flip": 0.0,
    "rotation": 0.0,
    "brightness": 0.0,
    "contrast": 0.0,
    "saturation": 0.0,
    "hue": 0.0,
    "grey": 0.0,
    "invert": 0.0,
    "background": 0.0,
    "erase": 0.0,
    "erase_area": 0.0,
}
AUGMENTATION = NO_AUGMENTATION | {
    "crop_area": 0.5,
    "crop_aspect": 1.3,
    "flip": 0.5,
    "rotation": 10.0,
    "brightness": 0.3,
    "contrast": 0.3,
    "saturation": 0.3,
    "hue": 10.0,
    "grey": 0.1,
    "invert": 0.1,
    "background": 0.5,
    "erase": 0.3,
    "erase_area": 0.3,
}
PARAMETERS: dict[str, Any] = {
    "tower": "",
    "seed": 3,
    "images_seen": 80,
    "batch": 8,
    "workers": 1,
    "min_workers": 1,
    "accumulate": 1,
    "threads": 1,
    "max_failures": 1,
    "picture_size": 32,
    "source": "cache",
    "cache_gigabytes": 1.0,
    "window": 2,
    "decoders": 0,
    "max_error_share": 0.1,
    "prefetch": 2,
    "precision": "fp32",
    "gradient_checkpointing": False,
    "patch_dropout": 0.0,
    "compile": False,
    "learning_rate": 0.005,
    "head_learning_rate": 0.02,
    "weight_decay": 0.05,
    "warm_up": 0.1,
    "gradient_clip": 1.0,
    "average_decay": 0.9,
    "margin": 0.1,
    "scale": 10.0,
    "negatives": 100,
    "head_device": "auto",
    "supervised_share": 0.5,
    "max_logit_scale": 100.0,
    "text": {"name": 0.4, "name_and_description": 0.4, "alt_text": 0.2},
    "augment": AUGMENTATION,
    "divergence": 10.0,
    "checkpoint_every": 4,
    "keep_checkpoints": 2,
    "keep_every": 0,
    "checkpoints": "",
    "validate_every": 0,
    "log_every": 60.0,
}
NAMES = ["crab", "whale", "mango", "diesel", "turkey", "crane", "bat", "seal", "ring"]
VALIDATION_NAMES = NAMES[6:]

MakeJob = Callable[..., Job]
MakeParameters = Callable[..., PretrainParameters]


@pytest.fixture(autouse=True)
def one_thread() -> None:
    torch.set_num_threads(1)


def drawing(concept: int, number: int) -> bytes:
    """A concept's two colours in its own arrangement, on white, a little different each time."""
    rng = np.random.default_rng([concept, number])
    first, second = (tuple(int(v) for v in np.random.default_rng([concept, k]).integers(0, 200, 3)) for k in (91, 92))
    image = Image.new("RGB", (40, 40), "white")
    draw = ImageDraw.Draw(image)
    x, y = (int(v) for v in rng.integers(2, 8, 2))
    box = (x, y, x + 28, y + 28)
    (draw.ellipse, draw.rectangle, draw.pieslice)[concept % 3](
        box, **({"start": 0, "end": 250} if concept % 3 == 2 else {}), fill=first
    )
    draw.rectangle((x + 8 + 2 * (concept % 4), y + 8, x + 20, y + 12 + 2 * (concept % 5)), fill=second)
    buffer = io.BytesIO()
    image.save(buffer, "PNG")
    return buffer.getvalue()


def write_pictures(folder: Path, concepts: list[int], each: int, *, labelled: bool) -> None:
    """Two shards of `each` pictures per concept; concept c is the entity Q(c + 1)."""
    pictures = [(concept, number) for number in range(each) for concept in concepts]
    half = len(pictures) // 2
    for shard, part in enumerate((pictures[:half], pictures[half:])):
        rows = []
        for place, (concept, number) in enumerate(part):
            record: dict[str, Any] = {
                "url": f"http://a.localhost/{concept}-{number}.png",
                "key": picture_key(shard, place),
                "status": SUCCESS,
                "sha256": f"{concept}-{number}",
                "caption": f"{NAMES[concept]} {number}",
            }
            if labelled:
                record["entities"] = [f"Q{concept + 1}"]
            rows.append(Row(record, drawing(concept, number)))
        schema = LABELLED_INDEX_SCHEMA if labelled else INDEX_SCHEMA
        write_shard(folder, shard, rows, schema)


def write_vocabulary(path: Path) -> None:
    rows = [
        {
            "entity_id": f"Q{number + 1}",
            "label": name,
            "description": f"what {name} is",
            "images": 8,
            "split": "validation" if name in VALIDATION_NAMES else "train",
        }
        for number, name in enumerate(NAMES)
    ]
    pq.write_table(pa.Table.from_pylist(rows), path)


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """`crawl/` (no labels), and `i2e/` with six training and three validation entities."""
    folder = tmp_path_factory.mktemp("data")
    write_pictures(folder / "crawl", list(range(9)), 8, labelled=False)
    write_pictures(folder / "i2e" / "train", list(range(6)), 8, labelled=True)
    write_pictures(folder / "i2e" / "validation", [6, 7, 8], 6, labelled=True)
    write_vocabulary(folder / "i2e" / "vocabulary.parquet")
    return folder


def decode(folder: Path, cache: Path, size: int = 32) -> Path:
    cache.mkdir(parents=True)
    for number in shard_numbers(folder):
        decode_shard(size, folder / f"{shard_name(number)}.tar", number, cache)
    return cache


@pytest.fixture(scope="session")
def caches(data: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    root = tmp_path_factory.mktemp("caches")
    return {
        "crawl": decode(data / "crawl", root / "crawl"),
        "train": decode(data / "i2e" / "train", root / "train"),
        "validation": decode(data / "i2e" / "validation", root / "validation"),
    }


@pytest.fixture
def train_pictures(caches: dict[str, Path]) -> DecodedPictures:
    return DecodedPictures(caches["train"])


@pytest.fixture(scope="session")
def tower_files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("towers")
    for name, content in (("resnet", TINY), ("vit", TINY_VIT)):
        (folder / f"{name}.json").write_text(json.dumps(content), encoding="utf-8")
    return {"resnet": folder / "resnet.json", "vit": folder / "vit.json"}


@pytest.fixture(scope="session")
def make_parameters(tower_files: dict[str, Path]) -> MakeParameters:
    def make(tower: str = "resnet", **changes: Any) -> PretrainParameters:
        return PretrainParameters(**PARAMETERS | {"tower": str(tower_files[tower])} | changes)

    return make


@pytest.fixture(scope="session")
def make_job(data: Path, caches: dict[str, Path], make_parameters: MakeParameters) -> MakeJob:
    def make(recipe: str, work: Path, tower: str = "resnet", **changes: Any) -> Job:
        parameters = make_parameters(tower, **changes)
        labelled = recipe != "clip"
        work.mkdir(parents=True, exist_ok=True)
        return Job(
            recipe=recipe,
            parameters=parameters,
            tower=towers.read_config(parameters.tower),
            cache=caches["train" if labelled else "crawl"],
            vocabulary=data / "i2e" / "vocabulary.parquet" if labelled else None,
            validation=caches["validation"] if labelled else None,
            work=work,
        )

    return make
