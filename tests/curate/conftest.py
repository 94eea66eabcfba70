"""A crawl of painted squares, labels and a knowledge base: small, real files."""

import bz2
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from components.curate.parameters import CurateParameters
from components.images.decode import open_rgb
from components.images.fingerprint import perceptual_hash
from components.knowledge.build.build import build as build_knowledge
from components.knowledge.parameters import KnowledgeParameters
from components.label.format import LABELS_SCHEMA
from components.shards.format import INDEX_SCHEMA, picture_key, shard_name
from components.shards.writer import Row, write_shard
from samples.knowledge import Item, as_dump

ENTITIES = range(1, 41)


def painted(seed: int, kind: str = "PNG") -> bytes:
    """A checker of four colours that the seed chooses, 16 px wide."""
    colours = np.random.default_rng(seed).integers(0, 256, (2, 2, 3), dtype=np.uint8)
    buffer = io.BytesIO()
    Image.fromarray(np.kron(colours, np.ones((8, 8, 1), dtype=np.uint8))).save(buffer, kind)
    return buffer.getvalue()


@dataclass(frozen=True)
class Made:
    """A crawled picture: the seed of its paint, its entities, and its name's number of meanings."""

    seed: int
    entities: tuple[str, ...] = ()
    candidates: int = 1
    kind: str = "PNG"
    caption: str | None = None


def _row(key: str, made: Made) -> Row:
    data = painted(made.seed, made.kind)
    record: dict[str, Any] = {
        "url": f"http://site.localhost/{key}",
        "key": key,
        "status": "success",
        "width": 16,
        "height": 16,
        "original_width": 16,
        "original_height": 16,
        "sha256": hashlib.sha256(data).hexdigest(),
        "caption": f"picture of {made.seed}" if made.caption is None else made.caption,
        "page_url": "http://site.localhost/",
        "page_title": "Squares",
        "context": "",
        "site": f"site-{made.seed % 3}.localhost",
        "phash": perceptual_hash(open_rgb(data)),
    }
    return Row(record, data, {"PNG": "png", "WEBP": "webp", "JPEG": "jpg"}[made.kind])


def _label(key: str, made: Made) -> dict[str, Any]:
    decisions = [
        {
            "mention": "name",
            "start": 10 * n,
            "end": 10 * n + 4,
            "entity_id": entity if rival == 0 else f"Q{9000 + rival}",
            "text_score": 0.5,
            "image_score": 0.5,
            "kept": rival == 0,
            "reason": "kept" if rival == 0 else "rival",
        }
        for n, entity in enumerate(made.entities)
        for rival in range(made.candidates)
    ]
    return {"key": key, "entities": list(made.entities), "decisions": decisions, "source": "alt"}


@dataclass(frozen=True)
class Inputs:
    """Folders of a crawl, its labels and a knowledge base."""

    crawl: Path
    labels: Path
    knowledge: Path


def write_inputs(folder: Path, shards: Sequence[Sequence[Made]], knowledge: Path) -> Inputs:
    """Writes crawl and labels; each shard also has a row of a picture that could not be had."""
    crawl, labels = folder / "crawl", folder / "labels"
    labels.mkdir(parents=True)
    for number, shard in enumerate(shards):
        failed = Row(
            {"key": picture_key(number, 0), "url": "u", "status": "failed_to_download", "error_message": "404"}
        )
        made = {picture_key(number, n): picture for n, picture in enumerate(shard, start=1)}
        write_shard(crawl, number, [failed, *(_row(key, picture) for key, picture in made.items())], INDEX_SCHEMA)
        rows = [_label(key, picture) for key, picture in made.items()]
        pq.write_table(pa.Table.from_pylist(rows, LABELS_SCHEMA), labels / f"{shard_name(number)}.parquet")
    return Inputs(crawl, labels, knowledge)


@pytest.fixture(scope="session")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Q1 to Q40: odd ones are instances of Q100, even ones kinds of Q101, which has no item."""
    folder = tmp_path_factory.mktemp("knowledge")
    things = [
        Item(
            f"Q{n}",
            f"thing {n}",
            f"the {n}. thing | of <many>",
            (),
            ("Q100",) if n % 2 else (),
            () if n % 2 else ("Q101",),
        )
        for n in ENTITIES
    ]
    lines = ",\n".join(json.dumps(as_dump(item)) for item in (*things, Item("Q100", "odd thing", "a class")))
    (folder / "dump.json.bz2").write_bytes(bz2.compress(f"[\n{lines}\n]\n".encode()))
    knobs = KnowledgeParameters(
        languages=["en"],
        exclude_classes=[],
        max_name_length=50,
        prior_smoothing=1,
        anchor_smoothing=10,
        max_error_share=0,
        embedding_size=4,
        embedding_sample=100,
        seed=1,
    )
    build_knowledge(folder / "dump.json.bz2", folder / "base", knobs, folder / "work")
    return folder / "base"


Parameters = Callable[..., CurateParameters]


@pytest.fixture
def knobs() -> Parameters:
    """`knobs(min_images=1)`: the section with other values for some knobs."""

    def make(**changes: float) -> CurateParameters:
        values = {"seed": 1, "min_images": 2, "max_images": 0, "validation_share": 0.2, "shard_size": 10}
        return CurateParameters(**(values | changes))

    return make


def web(entities: int = 10, pictures: int = 6, shards: int = 3) -> list[list[Made]]:
    """Shards with `pictures` distinct ones of each entity, and an unlabelled one in each shard."""
    made = [
        Made(100 * entity + n, (f"Q{entity}",), candidates=1 + entity % 2, kind=("PNG", "WEBP")[n % 2])
        for n in range(pictures)
        for entity in range(1, entities + 1)
    ]
    return [[*made[n::shards], Made(90_000 + n)] for n in range(shards)]


@pytest.fixture
def inputs(tmp_path: Path, knowledge: Path) -> Inputs:
    return write_inputs(tmp_path / "in", web(), knowledge)
