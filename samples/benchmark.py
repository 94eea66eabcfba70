"""The retrieval benchmark in GPR1200's layout, and its near-copies in the web."""

import io
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from PIL import Image

from samples import raster
from samples.concepts import Concept, Drawing, foundry
from samples.raster import hash_fraction
from samples.site import Planted

BENCHMARK_SCHEMA = pa.schema(
    [
        ("file", pa.string()),
        ("category", pa.int32()),
        ("domain", pa.string()),
        ("art_set", pa.string()),
        ("foundry", pa.string()),
        ("concept", pa.string()),
        ("entity_id", pa.string()),
    ]
)
_QUALITY = 95


@dataclass(frozen=True)
class Entry:
    """One benchmark picture."""

    file: str
    category: int
    concept: Concept
    drawing: Drawing


def entries(held_out: list[Concept]) -> list[Entry]:
    """All entries.

    Categories are numbered by domain and key, files are named `CATEGORY_ARTSET.jpg`.
    """
    return [
        Entry(f"{number:04d}_{drawing.art_set}.jpg", number, concept, drawing)
        for number, concept in enumerate(sorted(held_out, key=lambda c: (c.domain, c.key)))
        for drawing in concept.drawings
    ]


def draw(modules: Path, entry: Entry) -> bytes:
    """Draws the benchmark's picture of an entry."""
    image = raster.benchmark_picture(modules, entry.drawing.art_set, entry.drawing.name, entry.concept.key)
    buffer = io.BytesIO()
    image.save(buffer, "JPEG", quality=_QUALITY)
    return buffer.getvalue()


def write_index(path: Path, listed: list[Entry], entity_of: dict[str, str]) -> None:
    """Writes `images.parquet`, sorted by file."""
    rows = [
        {
            "file": e.file,
            "category": e.category,
            "domain": e.concept.domain,
            "art_set": e.drawing.art_set,
            "foundry": foundry(e.drawing.art_set),
            "concept": e.concept.key,
            "entity_id": entity_of.get(e.concept.key),
        }
        for e in sorted(listed, key=lambda e: e.file)
    ]
    pq.write_table(pa.Table.from_pylist(rows, schema=BENCHMARK_SCHEMA), path)


def near_copies(modules: Path, listed: list[Entry], number: int, seed: int) -> dict[str, list[Planted]]:
    """By site: benchmark pictures cropped by up to two per cent, scaled and recompressed."""
    chosen = sorted(listed, key=lambda e: hash_fraction(seed, "plant", e.file))[:number]
    planted: dict[str, list[Planted]] = {}
    for position, entry in enumerate(sorted(chosen, key=lambda e: e.file)):
        image = raster.benchmark_picture(modules, entry.drawing.art_set, entry.drawing.name, entry.concept.key)
        copy = Planted(
            f"/fan/{position:03d}.{'jpg' if position % 2 else 'webp'}",
            _alter(image, hash_fraction(seed, "cut", entry.file), position),
            entry.concept.label,
            entry.file,
            entry.concept,
        )
        planted.setdefault(entry.drawing.art_set, []).append(copy)
    return planted


def _alter(image: Image.Image, fraction: float, position: int) -> bytes:
    cut = round(image.width * 0.02 * fraction)
    side = 80 + round(48 * fraction)
    cropped = image.crop((cut, cut, image.width, image.height)).resize((side, side), Image.Resampling.BICUBIC)
    return raster.encode(cropped, "jpg" if position % 2 else "webp")
