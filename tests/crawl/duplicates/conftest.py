"""Folders of synthetic shards, in the downloader's format."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from components.crawl.pictures.picture_row import picture_row
from components.shards.format import picture_key
from components.shards.index import read_index
from components.shards.writer import Row, write_shard
from tests.crawl.conftest import encoded, knobs

Shards = Sequence[Sequence[bytes]]


def write_crawl(folder: Path, shards: Shards, **changes: Any) -> Path:
    """Writes shards; each also has a row of a failed download."""
    for number, pictures in enumerate(shards):
        rows = [
            picture_row(
                {
                    "key": picture_key(number, place),
                    "url": f"http://a.example/{number}/{place}",
                    "caption": f"text {place}",
                },
                data,
                knobs(**changes),
                None,
            )
            for place, data in enumerate(pictures)
        ]
        failed = {"key": picture_key(number, len(rows)), "status": "failed_to_download", "error_message": "http_404"}
        write_shard(folder, number, [*rows, Row(failed)])
    return folder


def marks(folder: Path) -> dict[str, tuple[str, str]]:
    """Key of a duplicate → its original's key and its kind."""
    rows = read_index(folder).select(["key", "duplicate_of", "duplicate_kind"]).to_pylist()
    return {row["key"]: (row["duplicate_of"], row["duplicate_kind"]) for row in rows if row["duplicate_of"] is not None}


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


def rescaled(image: Image.Image, share: float) -> Image.Image:
    return image.resize((round(image.width * share), round(image.height * share)), Image.Resampling.LANCZOS)


def jpeg(image: Image.Image, quality: int = 90) -> bytes:
    return encoded(image, "JPEG", quality=quality)
