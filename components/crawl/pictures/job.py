"""What the tasks of a download share, and how a finished shard is published."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.crawl.local_web.server_process import ServerProcess
from components.crawl.parameters import CrawlParameters
from components.shards.format import ENDINGS, shard_name
from components.shards.writer import Row, write_shard

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 takes its time and memory, which only uploads are to cost


@dataclass(frozen=True)
class DownloadJob:
    """The settings of a download.

    Attributes:
        parameters: section `crawl`.
        shards: folder of finished shards, so that a kill costs a few shards, not a part; if they go
            to a bucket, only of their indexes and markers.
        hold_out: fingerprints of the hold-out set, if any.
        server: the process that serves the sample web, if any.
        bucket: destination that each worker uploads its finished shards to, if not the folder.
    """

    parameters: CrawlParameters
    shards: Path
    hold_out: Path | None = None
    server: ServerProcess | None = None
    bucket: "Prefix | None" = None

    @property
    def progress(self) -> Path:
        """Folder of the parts' progress files."""
        return self.shards.with_name("progress")

    def marker(self, shard: int) -> Path:
        """The file that marks a shard as finished: its statistics, moved last."""
        return self.shards / f"{shard_name(shard)}_stats.json"

    def write(self, shard: int, rows: Iterable[Row], folder: Path) -> None:
        """Writes a shard into a private folder."""
        written = folder / "shard"
        written.mkdir()
        write_shard(written, shard, rows)

    def publish(self, shard: int, folder: Path) -> None:
        """Moves or uploads a shard from the private folder to its destination, marker last."""
        written = folder / "shard"
        if self.server is not None:
            self.server.check()
        names = [f"{shard_name(shard)}{ending}" for ending in ENDINGS]
        if self.bucket is not None:
            for name in names:
                self.bucket.put(written / name, name)
            names = names[1:]  # the index, for the search for duplicates, and the marker
        for name in names:
            (written / name).replace(self.shards / name)
