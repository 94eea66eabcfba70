"""What all tasks of a download share, and where finished shards are kept."""

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from components.crawl.parameters import CrawlParameters
from components.crawl.server import Server
from components.shards import Row, shard_name, write_shard


@dataclass(frozen=True)
class DownloadJob:
    """What all parts share.

    Attributes:
        parameters: section `crawl`.
        shards: folder that keeps every finished shard, so that a kill costs a few shards, not a part.
        hold_out: fingerprints of pictures to leave out, if any.
        server: who serves the web, if it is served from here.
    """

    parameters: CrawlParameters
    shards: Path
    hold_out: Path | None = None
    server: Server | None = None

    @property
    def progress(self) -> Path:
        """Folder in which parts write down how they are doing."""
        return self.shards.with_name("progress")

    def marker(self, shard: int) -> Path:
        """The file that says that a shard is finished: its statistics, moved last."""
        return self.shards / f"{shard_name(shard)}_stats.json"

    def keep(self, shard: int, rows: Iterable[Row], folder: Path) -> None:
        """Writes a shard in a folder of one's own and moves it to its place, its marker last."""
        whole = folder / "shard"
        whole.mkdir()
        write_shard(whole, shard, rows)
        if self.server is not None:
            self.server.check()
        for ending in (".tar", ".parquet", "_stats.json"):
            name = f"{shard_name(shard)}{ending}"
            (whole / name).replace(self.shards / name)
