"""Shards that img2dataset or `mofi crawl` downloaded."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from components.crawl.sources import ShardSource
from components.shards.compressed import unpacked
from components.shards.reader import Picture, read_shard


class Img2dataset(ShardSource):
    """WebDataset tars with a picture, its caption and its record under one key.

    They may be compressed as a whole. A key may repeat: the pictures get new ones.
    """

    def pictures(self, path: Path, refused: Counter[str], scratch: Path) -> Iterator[Picture]:
        """The pictures of a tar, in its order."""
        with unpacked(path, scratch) as tar:
            yield from read_shard(tar, refused, foreign=True)
