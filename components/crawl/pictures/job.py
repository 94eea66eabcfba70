"""What all tasks of a download share, and how a finished shard gets to its place."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.crawl.parameters import CrawlParameters
from components.crawl.server_process import Server
from components.shards.format import ENDINGS, shard_name
from components.shards.writer import Row, write_shard

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 takes its time and memory, which only uploads are to cost


@dataclass(frozen=True)
class DownloadJob:
    """What all parts share.

    Attributes:
        parameters: section `crawl`.
        shards: folder that keeps every finished shard, so that a kill costs a few shards, not a part; where shards go to a bucket,
            their indexes and markers.
        hold_out: fingerprints of pictures to leave out, if any.
        server: who serves the web, if it is served from here.
        bucket: where finished shards go at once, from the worker that made them, if not into the folder.
    """

    parameters: CrawlParameters
    shards: Path
    hold_out: Path | None = None
    server: Server | None = None
    bucket: "Prefix | None" = None

    @property
    def progress(self) -> Path:
        """Folder in which parts write down how they are doing."""
        return self.shards.with_name("progress")

    def marker(self, shard: int) -> Path:
        """The file that says that a shard is finished: its statistics, moved last."""
        return self.shards / f"{shard_name(shard)}_stats.json"

    def write(self, shard: int, rows: Iterable[Row], folder: Path) -> None:
        """Writes a shard in a folder of one's own."""
        whole = folder / "shard"
        whole.mkdir()
        write_shard(whole, shard, rows)

    def keep(self, shard: int, folder: Path) -> None:
        """Moves a shard that was written in a folder of one's own to its place, or uploads it; its marker last."""
        whole = folder / "shard"
        if self.server is not None:
            self.server.check()
        names = [f"{shard_name(shard)}{ending}" for ending in ENDINGS]
        if self.bucket is not None:
            for name in names:
                self.bucket.put(whole / name, name)
            names = names[1:]  # the index, in which copies are looked for when all are there, and the marker
        for name in names:
            (whole / name).replace(self.shards / name)
