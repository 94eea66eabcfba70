"""One part of the crawl: many hosts at once, each at its own pace; shards that are written as soon as they are whole."""

import asyncio
import gc
import tempfile
from collections import OrderedDict
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

import aiohttp

from components.crawl.address import site_of
from components.crawl.hosts.fetch import Failure, HostFetcher, open_session
from components.crawl.hosts.limits import Gate
from components.crawl.hosts.records import HostBook, HostRecord
from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.picture_row import picture_row
from components.crawl.pictures.progress import Tally, write_tally
from components.crawl.pictures.spool import Spool
from components.crawl.pictures.timing import Clock
from components.crawl.plan import Part
from components.shards.format import FAILED_TO_DOWNLOAD, SUCCESS, picture_key
from components.shards.writer import Row
from components.storage.json_files import read_json

# A shard is begun while fewer pictures than so many whole shards have are waited for, and no more than so many shards are open: bad
# hosts hold up the shards that they are in, and the others go on.
_WAITED_FOR, _OPEN_SHARDS = 8, 64
# Hosts that are remembered, with their robots.txt, while nothing is asked of them.
_HOSTS = 1000
# Python looks for garbage in cycles whenever so many more objects live: thousands that wait for their turn are none.
_OBJECTS = 100_000


@contextmanager
def _rare_collections() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_OBJECTS, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()


class _Hosts:
    """The fetchers of a part's hosts; those that were idle longest are forgotten."""

    def __init__(self, session: aiohttp.ClientSession, parameters: CrawlParameters, gate: Gate) -> None:
        self._session, self._parameters, self._gate = session, parameters, gate
        self._fetchers: OrderedDict[str, HostFetcher] = OrderedDict()
        self._book = HostBook()

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
            self._book.close(site, self._fetchers.pop(site).record)

    def summary(self) -> tuple[HostRecord, dict[str, HostRecord]]:
        """How all hosts answered so far, and those worth telling of."""
        return self._book.summary({site: fetcher.record for site, fetcher in self._fetchers.items()})


class _Room:
    """Lets shards be begun as far as there is room."""

    def __init__(self, pictures: int, shards: int) -> None:
        self._pictures, self._shards = pictures, shards  # that there is room for
        self._more = asyncio.Event()

    async def take(self, pictures: int) -> None:
        """Waits until there is room for a shard, and takes it."""
        while self._pictures < pictures or not self._shards:
            self._more.clear()
            await self._more.wait()
        self._pictures -= pictures
        self._shards -= 1

    def give_back(self, *, pictures: int = 0, shards: int = 0) -> None:
        """Some pictures are had, or shards are whole."""
        self._pictures += pictures
        self._shards += shards
        self._more.set()


class PartDownload:
    """Downloads one part."""

    def __init__(self, part: Part, job: DownloadJob, out: Path) -> None:
        self._part, self._job, self._out = part, job, out
        self._room = _Room(_WAITED_FOR * job.parameters.shard_size, _OPEN_SHARDS)
        self._gate = Gate(job.parameters.requests, job.parameters.held_bytes)
        self._tally = Tally()

    async def run(self) -> None:
        """Fills the shards that are not finished, the first ones first."""
        missing = []
        for place in range(self._part.shards):
            marker = self._job.marker(self._part.first_shard + place)
            if marker.exists():
                self._tally.outcomes.update(read_json(marker)["status_dict"])
            else:
                missing.append(place)
        if not missing:
            return
        self._clock = Clock.begin(kept=self._tally.outcomes.total())
        with _rare_collections(), ThreadPoolExecutor(1, "decode") as self._decoder:
            async with open_session(self._job.parameters) as session:
                self._hosts = _Hosts(session, self._job.parameters, self._gate)
                teller = asyncio.create_task(self._tell())
                async with asyncio.TaskGroup() as shards:
                    for place in missing:
                        await self._room.take(self._job.parameters.shard_size)
                        shards.create_task(self._fill(place))
                teller.cancel()
                self._write_tally()

    async def _tell(self) -> None:
        while True:
            await asyncio.sleep(self._job.parameters.log_every / 2)
            self._write_tally()

    def _write_tally(self) -> None:
        write_tally(self._job.progress, self._part.first_shard, self._tally, self._clock, self._hosts.summary())

    async def _fill(self, place: int) -> None:
        size, shard = self._job.parameters.shard_size, self._part.first_shard + place
        pairs = read_pairs(self._part.pairs, place * size, size)
        with tempfile.TemporaryDirectory(dir=self._out) as name:
            folder = Path(name)
            loop = asyncio.get_running_loop()
            with Spool(folder / "spool") as spool:
                made = await asyncio.gather(*(self._row(p, picture_key(shard, n), spool) for n, p in enumerate(pairs)))
                await loop.run_in_executor(self._decoder, self._write, made, spool, shard, folder)
            # Not in the decoder's thread: an upload takes a while.
            await loop.run_in_executor(None, self._job.keep, shard, folder)
        self._room.give_back(pictures=size - len(pairs), shards=1)

    async def _row(self, pair: Pair, key: str, spool: Spool) -> Row:
        """A picture's row, without its bytes, which are put aside until the shard is whole."""
        row = await self._made(pair, key, spool)
        self._room.give_back(pictures=1)
        return row

    async def _made(self, pair: Pair, key: str, spool: Spool) -> Row:
        host = self._hosts[site_of(pair.url)]
        answer = await host.picture(pair.url)
        record = {name: value for name, value in pair._asdict().items() if name != "position"} | {"key": key}
        if isinstance(answer, Failure):
            self._tally.add(answer.reason, 0)
            host.record.failures[answer.reason] += 1
            failure = {"status": FAILED_TO_DOWNLOAD, "error_message": answer.reason, "http_status": answer.status}
            return Row(record | failure)
        record["http_status"] = 200
        with self._gate.holding(len(answer)):
            loop = asyncio.get_running_loop()
            row: Row = await loop.run_in_executor(self._decoder, self._decoded, record, answer, spool)
        reason = row.record.get("error_message")
        self._tally.add(reason or SUCCESS, len(answer))
        if reason:
            host.record.failures[reason] += 1
        return row

    def _decoded(self, record: dict[str, Any], answer: bytes, spool: Spool) -> Row:
        row = picture_row(record, answer, self._job.parameters, self._job.hold_out)
        if row.image is not None:
            spool.put(record["key"], row.image)
        return replace(row, image=None)

    def _write(self, made: Sequence[Row], spool: Spool, shard: int, folder: Path) -> None:
        self._job.write(shard, _with_bytes(made, spool), folder)


def _with_bytes(made: Sequence[Row], spool: Spool) -> Iterator[Row]:
    for row in made:
        yield replace(row, image=spool.get(row.record["key"])) if row.record["status"] == SUCCESS else row
