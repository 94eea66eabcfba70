"""Shards of JPEGs of photograph size, mosaics of the crawl's pictures."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from PIL import Image

from components.images.decode import open_rgb
from components.shards.folder import ShardFolder
from components.shards.format import INDEX_SCHEMA, SUCCESS, picture_key
from components.shards.reader import read_shard
from components.shards.writer import Row, write_shard

_SIZE = (1024, 768)


def photographs(crawl: Path, folder: Path, count: int, shards: int = 1) -> Path:
    """Writes `shards` shards of `count` JPEGs each to `folder`."""
    tiles = [open_rgb(p.image).resize((128, 128)) for _, p in zip(range(200), _pictures(crawl), strict=False)]
    for shard in range(shards):
        write_shard(folder, shard, (_row(tiles, shard, n, shard * count + n) for n in range(count)), INDEX_SCHEMA)
    return folder


def _row(tiles: list[Image.Image], shard: int, position: int, n: int) -> Row:
    canvas = Image.new("RGB", _SIZE)
    for tile in range(48):
        canvas.paste(tiles[(n * 7 + tile) % len(tiles)], (128 * (tile % 8), 128 * (tile // 8)))
    data = io.BytesIO()
    canvas.save(data, "JPEG", quality=88)
    record = {"key": picture_key(shard, position), "status": SUCCESS, "caption": f"mosaic {n}", "sha256": f"{n:064x}"}
    return Row(record, data.getvalue(), "jpg")


def _pictures(crawl: Path) -> Iterator[Any]:
    for tar in ShardFolder.at(crawl).local_tars():
        yield from read_shard(tar)
