"""A benchmark of painted squares: small, real files in the documented formats."""

import io
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.evaluate.parameters import EvaluateParameters
from samples.benchmark import BENCHMARK_SCHEMA

CONCEPTS = [("animals", "emoji:1"), ("animals", "emoji:2"), ("brands", "brand:one"), ("flags", "flag:XX")]
ART_SETS = [("first", "a"), ("second", "b"), ("second-v2", "b"), ("third", "c")]


def painted(seed: int, noise: int = 0) -> Image.Image:
    """A checker of four colours that the seed chooses, at 64 px, with some noise."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3))
    pixels = np.kron(colours, np.ones((32, 32, 1)))
    pixels = pixels + np.random.default_rng(noise).normal(0, 8, pixels.shape)
    return Image.fromarray(pixels.clip(0, 255).astype(np.uint8))


def encoded(image: Image.Image, kind: str = "PNG") -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, kind)
    return buffer.getvalue()


@pytest.fixture(scope="session")
def benchmark_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("benchmark")
    (folder / "images").mkdir()
    rows = []
    for category, (domain, concept) in enumerate(CONCEPTS):
        for number, (art_set, foundry) in enumerate(ART_SETS):
            file = f"{category:04d}_{art_set}.jpg"
            (folder / "images" / file).write_bytes(encoded(painted(category, 100 * category + number), "JPEG"))
            rows.append(
                {
                    "file": file,
                    "category": category,
                    "domain": domain,
                    "art_set": art_set,
                    "foundry": foundry,
                    "concept": concept,
                    "entity_id": f"Q{category + 1}",
                }
            )
    pq.write_table(pa.Table.from_pylist(rows, schema=BENCHMARK_SCHEMA), folder / "images.parquet")
    return folder


@pytest.fixture
def parameters() -> EvaluateParameters:
    return EvaluateParameters(
        seed=1, knn_neighbours=3, knn_temperature=0.07, examples=3, top=2, map_pictures=12, map_perplexity=3
    )
