"""Near-copy detection on a crawl: recall on synthetic copies, and a sheet of pairs.

Only a person can judge the pairs on the sheet. Copies with a cropped margin are measured, too,
although a hash of the whole picture cannot find them.
"""

import argparse
import io
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from random import Random
from typing import Any

import numpy as np
import pyarrow.parquet as pq
from PIL import Image, ImageDraw
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from components.cli import parameters
from components.crawl.duplicates.find import mark_duplicates
from components.crawl.parameters import CrawlParameters
from components.images.decode import open_rgb
from components.images.fingerprint import colours, perceptual_hash
from components.shards.folder import ShardFolder
from components.shards.format import NEAR, PICTURES, SUCCESS, shard_name
from components.shards.index import read_index, write_index
from components.shards.reader import read_shard

WORK = Path(".work/benchmarks/near_copies")
_SEED = 7
_COLUMNS, _ROWS, _TILE = 10, 8, 72


def _encoded(kind: str, quality: int) -> Callable[[Image.Image], Image.Image]:
    def make(picture: Image.Image) -> Image.Image:
        buffer = io.BytesIO()
        picture.save(buffer, kind, quality=quality)
        return open_rgb(buffer.getvalue())

    return make


def _scaled(share: float) -> Callable[[Image.Image], Image.Image]:
    def make(picture: Image.Image) -> Image.Image:
        size = max(1, round(picture.width * share)), max(1, round(picture.height * share))
        return picture.resize(size, Image.Resampling.LANCZOS)

    return make


def _cut(picture: Image.Image) -> Image.Image:
    across, down = round(0.02 * picture.width), round(0.02 * picture.height)
    return picture.crop((across, down, picture.width - across, picture.height - down))


COPIES: dict[str, Callable[[Image.Image], Image.Image]] = {
    "90 % of the size": _scaled(0.9),
    "70 % of the size": _scaled(0.7),
    "50 % of the size": _scaled(0.5),
    "JPEG of quality 90": _encoded("JPEG", 90),
    "JPEG of quality 70": _encoded("JPEG", 70),
    "JPEG of quality 50": _encoded("JPEG", 50),
    "WebP of quality 80": _encoded("WEBP", 80),
    "50 % of the size, JPEG of quality 70": lambda picture: _encoded("JPEG", 70)(_scaled(0.5)(picture)),
    "margins of 2 % cut": _cut,
}
_PROMISED = ("90 % of the size", "70 % of the size", "50 % of the size", "JPEG of quality 90")


def main() -> None:
    """Measures recall, marks the crawl's near-copies, draws the sheet, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("crawl", type=Path, help="a folder of shards; it is not changed")
    parser.add_argument("--sample", type=int, default=1000, help="pictures to make copies of")
    parser.add_argument(
        "--sheet", type=Path, default=Path("near_copies.png"), help="output file for the sheet of pairs"
    )
    options = parser.parse_args()
    knobs = parameters.load().crawl
    recall = _recall(options.crawl, options.sample, knobs)
    pairs = _pairs(options.crawl, knobs)
    table = Table("copy", "found", box=None)
    for name, share in recall.items():
        table.add_row(name, f"{share:.1%}")
    Console().print(table)
    _draw(options.crawl, pairs, options.sheet)
    Console().print(f"{len(pairs)} near-copies in {options.crawl}; look at {options.sheet}")
    conclude([Claim(f"share of copies found: {name}", recall[name], 0.95, "copies made here") for name in _PROMISED])


def _recall(crawl: Path, sample: int, knobs: CrawlParameters) -> dict[str, float]:
    keys = sorted(
        row["key"] for row in read_index(crawl).select(["key", "status"]).to_pylist() if row["status"] == SUCCESS
    )
    chosen = frozenset(Random(_SEED).sample(keys, min(sample, len(keys))))
    found: Counter[str] = Counter()
    for tar in ShardFolder.at(crawl).local_tars():
        for picture in read_shard(tar):
            if picture.key in chosen:
                original = open_rgb(picture.image)
                found.update(name for name, make in COPIES.items() if _near(original, make(original), knobs))
    return {name: found[name] / len(chosen) for name in COPIES}


def _near(one: Image.Image, other: Image.Image, knobs: CrawlParameters) -> bool:
    bits = (perceptual_hash(one) ^ perceptual_hash(other)).bit_count()
    levels = [np.frombuffer(colours(picture), np.uint8).astype(np.int16) for picture in (one, other)]
    return bits <= knobs.near_bits and int(np.abs(levels[0] - levels[1]).max()) <= knobs.near_colours


def _pairs(crawl: Path, knobs: CrawlParameters) -> list[tuple[str, str]]:
    """(original, near-copy) for all near-copies, found as in the crawl, with colours recomputed."""
    shutil.rmtree(WORK, ignore_errors=True)
    (WORK / "shards").mkdir(parents=True)
    for tar in ShardFolder.at(crawl).local_tars():
        fresh = {p.key: colours(open_rgb(p.image)) for p in read_shard(tar)}
        records = [row | {"colours": fresh.get(row["key"])} for row in _records(crawl, tar.stem)]
        write_index(WORK / "shards" / f"{tar.stem}.parquet", records)
        (WORK / "shards" / tar.name).symlink_to(tar)
    mark_duplicates(WORK / "shards", knobs.model_copy(update={"duplicates": "mark"}), WORK / "work")
    rows = read_index(WORK / "shards").to_pylist()
    shutil.rmtree(WORK)
    return [(row["duplicate_of"], row["key"]) for row in rows if row["duplicate_kind"] == NEAR]


def _records(crawl: Path, name: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = pq.read_table(crawl / f"{name}.parquet").to_pylist()
    return records


def _draw(crawl: Path, pairs: list[tuple[str, str]], sheet: Path) -> None:
    """Draws some pairs side by side, the original on the left."""
    shown = sorted(Random(_SEED).sample(pairs, min(_COLUMNS * _ROWS, len(pairs))))
    needed = {key for pair in shown for key in pair}
    tiles: dict[str, Image.Image] = {}
    for number in sorted({int(key) // PICTURES for key in needed}):
        for picture in read_shard(crawl / f"{shard_name(number)}.tar"):
            if picture.key in needed:
                tiles[picture.key] = open_rgb(picture.image).resize((_TILE, _TILE))
    wide, high = 2 * _TILE + 16, _TILE + 20
    canvas = Image.new("RGB", (_COLUMNS * wide, _ROWS * high), "grey")
    pen = ImageDraw.Draw(canvas)
    for position, pair in enumerate(shown):
        left, top = position % _COLUMNS * wide, position // _COLUMNS * high
        for n, key in enumerate(pair):
            canvas.paste(tiles[key], (left + n * (_TILE + 2), top))
        pen.text((left, top + _TILE + 2), f"{position}", fill="white")
    canvas.save(sheet)


if __name__ == "__main__":
    main()
