"""One part of the crawl: many hosts at once, each at its own pace; shards that are written as soon as they are whole."""

import asyncio
import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import aiohttp

from components.crawl.address import site_of
from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.fetch import Failure, Gate, HostFetcher, open_session
from components.crawl.pictures.hold_out import open_hold_out
from components.crawl.pictures.near_copy import thumbnail
from components.crawl.pictures.verify import Rejected, Verified, verify
from components.crawl.plan import Part
from components.crawl.server import Server
from components.shards import FAILED_TO_DOWNLOAD, FAILED_TO_RESIZE, SUCCESS, Row, picture_key, shard_name, write_shard

NEAR_COPY = "near_copy_of_hold_out"
# Shards that are filled at the same time: a slow host holds up those that it is in, and the others go on.
_OPEN_SHARDS = 8
# Hosts that are remembered, with their robots.txt, while nothing is asked of them.
_HOSTS = 1000


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

    def marker(self, shard: int) -> Path:
        """The file that says that a shard is finished: its statistics, moved last."""
        return self.shards / f"{shard_name(shard)}_stats.json"


class _Hosts:
    """The fetchers of a part's hosts; those that were idle longest are forgotten."""

    def __init__(self, session: aiohttp.ClientSession, parameters: CrawlParameters, gate: Gate) -> None:
        self._session, self._parameters, self._gate = session, parameters, gate
        self._fetchers: OrderedDict[str, HostFetcher] = OrderedDict()

    def __getitem__(self, site: str) -> HostFetcher:
        if site not in self._fetchers:
            self._forget()
            self._fetchers[site] = HostFetcher(site, self._session, self._parameters, self._gate)
        self._fetchers.move_to_end(site)
        return self._fetchers[site]

    def _forget(self) -> None:
        """A fetcher that is forgotten has nothing under way, and its host may be asked again at once."""
        excess = len(self._fetchers) - _HOSTS
        for site in [site for site, fetcher in self._fetchers.items() if fetcher.idle][: max(0, excess)]:
            del self._fetchers[site]


class PartDownload:
    """Downloads one part."""

    def __init__(self, part: Part, job: DownloadJob, out: Path) -> None:
        self._part, self._job, self._out = part, job, out
        self._room = asyncio.Semaphore(_OPEN_SHARDS)
        self._gate = Gate(job.parameters.requests, job.parameters.held_bytes)

    async def run(self) -> None:
        """Fills the shards that are not finished, the first ones first."""
        missing = [n for n in range(self._part.shards) if not self._job.marker(self._part.first_shard + n).exists()]
        if not missing:
            return
        with ThreadPoolExecutor(1, "decode") as self._decoder:
            async with open_session(self._job.parameters) as session, asyncio.TaskGroup() as shards:
                self._hosts = _Hosts(session, self._job.parameters, self._gate)
                for place in missing:
                    await self._room.acquire()
                    shards.create_task(self._fill(place))

    async def _fill(self, place: int) -> None:
        size, shard = self._job.parameters.shard_size, self._part.first_shard + place
        pairs = read_pairs(self._part.pairs, place * size, size)
        with tempfile.TemporaryDirectory(dir=self._out) as name:
            folder = Path(name)
            made = await asyncio.gather(*(self._row(p, picture_key(shard, n), folder) for n, p in enumerate(pairs)))
            loop = asyncio.get_running_loop()
            await loop.run_in_executor(self._decoder, self._write, made, shard, folder)
        self._room.release()

    async def _row(self, pair: Pair, key: str, folder: Path) -> Row:
        """A picture's row, without its bytes, which wait in the folder until the shard is whole."""
        answer = await self._hosts[site_of(pair.url)].picture(pair.url)
        record = {name: value for name, value in pair._asdict().items() if name != "position"} | {"key": key}
        if isinstance(answer, Failure):
            failure = {"status": FAILED_TO_DOWNLOAD, "error_message": answer.reason, "http_status": answer.status}
            return Row(record | failure)
        record |= {"http_status": 200, "original_sha256": hashlib.sha256(answer).hexdigest()}
        with self._gate.holding(len(answer)):
            loop = asyncio.get_running_loop()
            return await loop.run_in_executor(self._decoder, self._decoded, record, answer, folder)

    def _decoded(self, record: dict[str, Any], answer: bytes, folder: Path) -> Row:
        found = verify(answer, self._job.parameters)
        if isinstance(found, Rejected):
            size = {"original_width": found.width or None, "original_height": found.height or None}
            return Row(record | size | {"status": FAILED_TO_RESIZE, "error_message": found.reason})
        record = record | _description(found)
        difference = open_hold_out(self._job.hold_out).difference(thumbnail(found.rgb))
        if difference <= self._job.parameters.hold_out_difference:
            return Row(record | {"status": FAILED_TO_RESIZE, "error_message": NEAR_COPY})
        (folder / record["key"]).write_bytes(found.image)
        return Row(record | {"status": SUCCESS}, None, found.extension)

    def _write(self, made: Sequence[Row], shard: int, folder: Path) -> None:
        """Writes a shard and moves it to its place, its statistics last: they mark it as whole."""
        whole = folder / "shard"
        whole.mkdir()
        write_shard(whole, shard, _with_bytes(made, folder))
        if self._job.server is not None:
            self._job.server.check()
        for ending in (".tar", ".parquet", "_stats.json"):
            name = f"{shard_name(shard)}{ending}"
            (whole / name).replace(self._job.shards / name)


def _with_bytes(made: Sequence[Row], folder: Path) -> Iterator[Row]:
    for row in made:
        yield replace(row, image=(folder / row.record["key"]).read_bytes()) if row.record["status"] == SUCCESS else row


def _description(found: Verified) -> dict[str, Any]:
    width, height = found.rgb.size
    original_width, original_height = found.original_size
    size = {"width": width, "height": height, "original_width": original_width, "original_height": original_height}
    return size | {"sha256": found.sha256, "phash": found.phash}
