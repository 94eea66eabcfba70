"""Downloads one part of the crawl, many hosts at once, shard by shard."""

import asyncio
import gc
import tempfile
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import Any

from components.crawl.address import site_of
from components.crawl.hosts.hosts import Hosts
from components.crawl.hosts.limits import SlotPool
from components.crawl.hosts.request import Failure, open_session
from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.picture_row import picture_row
from components.crawl.pictures.progress import DownloadStats, write_stats
from components.crawl.pictures.spool import Spool
from components.crawl.pictures.timing import Clock
from components.crawl.plan import Part
from components.shards.format import FAILED_TO_DOWNLOAD, SUCCESS, picture_key
from components.shards.writer import Row
from components.storage.json_files import read_json

# A shard is started while fewer pictures than this many full shards have are pending, and at most
# this many shards are open: bad hosts delay the shards that they are in, and the others go on.
_PENDING_SHARDS, _OPEN_SHARDS = 8, 64
# Objects between garbage collections: thousands of waiting requests are no garbage.
_GC_THRESHOLD = 100_000


@contextmanager
def _infrequent_gc() -> Iterator[None]:
    before = gc.get_threshold()
    gc.set_threshold(_GC_THRESHOLD, *before[1:])
    try:
        yield
    finally:
        gc.set_threshold(*before)
        gc.collect()


class _ShardBudget:
    """Limits how many pictures are pending and how many shards are open."""

    def __init__(self, pictures: int, shards: int) -> None:
        self._pictures, self._shards = pictures, shards  # available
        self._released = asyncio.Event()

    async def acquire(self, pictures: int) -> None:
        """Waits until a shard may start."""
        while self._pictures < pictures or not self._shards:
            self._released.clear()
            await self._released.wait()
        self._pictures -= pictures
        self._shards -= 1

    def release(self, *, pictures: int = 0, shards: int = 0) -> None:
        """Releases finished pictures or shards."""
        self._pictures += pictures
        self._shards += shards
        self._released.set()


class PartDownload:
    """The download of one part."""

    def __init__(self, part: Part, job: DownloadJob, out: Path) -> None:
        self._part, self._job, self._out = part, job, out
        self._budget = _ShardBudget(_PENDING_SHARDS * job.parameters.shard_size, _OPEN_SHARDS)
        self._slots = SlotPool(job.parameters.requests, job.parameters.held_bytes)
        self._stats = DownloadStats()

    async def run(self) -> None:
        """Downloads the unfinished shards in order."""
        missing = []
        for position in range(self._part.shards):
            marker = self._job.marker(self._part.first_shard + position)
            if marker.exists():
                self._stats.outcomes.update(read_json(marker)["status_dict"])
            else:
                missing.append(position)
        if not missing:
            return
        self._clock = Clock.now(kept=self._stats.outcomes.total())
        with _infrequent_gc(), ThreadPoolExecutor(1, "decode") as self._decoder:
            async with open_session(self._job.parameters) as session:
                self._hosts = Hosts(session, self._job.parameters, self._slots)
                reporter = asyncio.create_task(self._report())
                async with asyncio.TaskGroup() as shards:
                    for position in missing:
                        await self._budget.acquire(self._job.parameters.shard_size)
                        shards.create_task(self._fill(position))
                reporter.cancel()
                self._write_stats()

    async def _report(self) -> None:
        while True:
            await asyncio.sleep(self._job.parameters.log_every / 2)
            self._write_stats()

    def _write_stats(self) -> None:
        write_stats(self._job.progress, self._part.first_shard, self._stats, self._clock, self._hosts.summary())

    async def _fill(self, position: int) -> None:
        size, shard = self._job.parameters.shard_size, self._part.first_shard + position
        pairs = read_pairs(self._part.pairs, position * size, size)
        with tempfile.TemporaryDirectory(dir=self._out) as name:
            folder = Path(name)
            loop = asyncio.get_running_loop()
            with Spool(folder / "spool") as spool:
                rows = await asyncio.gather(*(self._row(p, picture_key(shard, n), spool) for n, p in enumerate(pairs)))
                await loop.run_in_executor(self._decoder, self._write, rows, spool, shard, folder)
            # Not in the decoder's thread: uploads are slow.
            await loop.run_in_executor(None, self._job.publish, shard, folder)
        self._budget.release(pictures=size - len(pairs), shards=1)

    async def _row(self, pair: Pair, key: str, spool: Spool) -> Row:
        """A picture's row without its bytes, which are spooled until the shard is complete."""
        row = await self._download(pair, key, spool)
        self._budget.release(pictures=1)
        return row

    async def _download(self, pair: Pair, key: str, spool: Spool) -> Row:
        host = self._hosts[site_of(pair.url)]
        answer = await host.picture(pair.url)
        record = {name: value for name, value in pair._asdict().items() if name != "position"} | {"key": key}
        if isinstance(answer, Failure):
            self._stats.add(answer.reason, 0)
            host.record.failures[answer.reason] += 1
            failure = {"status": FAILED_TO_DOWNLOAD, "error_message": answer.reason, "http_status": answer.status}
            return Row(record | failure)
        record["http_status"] = 200
        with self._slots.decoding(len(answer)):
            loop = asyncio.get_running_loop()
            row: Row = await loop.run_in_executor(self._decoder, self._decode, record, answer, spool)
        reason = row.record.get("error_message")
        self._stats.add(reason or SUCCESS, len(answer))
        if reason:
            host.record.failures[reason] += 1
        return row

    def _decode(self, record: dict[str, Any], answer: bytes, spool: Spool) -> Row:
        row = picture_row(record, answer, self._job.parameters, self._job.hold_out)
        if row.image is not None:
            spool.put(record["key"], row.image)
        return replace(row, image=None)

    def _write(self, rows: Sequence[Row], spool: Spool, shard: int, folder: Path) -> None:
        self._job.write(shard, _with_images(rows, spool), folder)


def _with_images(rows: Sequence[Row], spool: Spool) -> Iterator[Row]:
    for row in rows:
        yield replace(row, image=spool.get(row.record["key"])) if row.record["status"] == SUCCESS else row
