"""Shards that img2dataset or `mofi crawl` downloaded."""

from collections.abc import Iterator
from pathlib import Path

from components.crawl.sources import ShardSource
from components.shards.reader import Picture, read_shard


class Img2dataset(ShardSource):
    """WebDataset tars with a picture, its caption and its record under one key."""

    def pictures(self, path: Path) -> Iterator[Picture]:
        """The pictures of a tar, in its order."""
        return read_shard(path)
