"""The downloader: pairs → verified pictures in shards, one host per task."""

import asyncio
import tempfile
from collections import Counter, deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.fetch import GIVEN_UP, Failure, HostFetcher, open_session
from components.crawl.pictures.hold_out import open_hold_out
from components.crawl.pictures.near_copy import thumbnail
from components.crawl.pictures.verify import Rejected, Verified, verify
from components.crawl.plan import HostShare, Plan
from components.crawl.server import Server
from components.shard_map import Outcome, map_shards
from components.shards import FAILED_TO_DOWNLOAD, FAILED_TO_RESIZE, SUCCESS, Row, picture_key, shard_name, write_shard
from components.stage import read_json

NEAR_COPY = "near_copy_of_hold_out"
# Pictures lost to these are errors worth stopping for; a refusal, a dead link or a picture that is too small is not.
ERRORS = (
    "timeout",
    "connection_failed",
    "closed_early",
    "name_not_found",
    "robots_txt_unreachable",
    "not_a_picture",
    "undecodable",
    GIVEN_UP,
)


@dataclass(frozen=True)
class DownloadJob:
    """What all hosts share.

    Attributes:
        parameters: section `crawl`.
        shards: folder that keeps every finished shard, so that a kill costs one shard, not a host.
        hold_out: fingerprints of pictures to leave out, if any.
        server: who serves the web, if it is served from here.
    """

    parameters: CrawlParameters
    shards: Path
    hold_out: Path | None = None
    server: Server | None = None


def download(plan: Plan, job: DownloadJob, work: Path) -> Counter[str]:
    """Downloads all pictures of a plan into `job.shards`; returns how many, by outcome."""
    job.shards.mkdir(parents=True, exist_ok=True)
    p = job.parameters
    task = partial(_download_host, job)
    _, counts = map_shards(
        task, plan.hosts, stage="crawl: pictures", work=work, max_error_share=p.max_error_share, cpus=p.host_cpus
    )
    return counts


def _download_host(job: DownloadJob, share: HostShare, _: int, out: Path) -> Outcome:
    size = job.parameters.shard_size
    counts: Counter[str] = Counter()
    with asyncio.Runner() as runner, closing(_HostPictures(runner, share, job)) as pictures:
        for place in range(share.shards):
            shard = share.first_shard + place
            marker = job.shards / f"{shard_name(shard)}_stats.json"
            if not marker.exists():
                pairs = read_pairs(share.pairs, place * size, size)
                _write_and_keep(pictures.rows(pairs, shard), shard, job, out)
            counts.update(read_json(marker)["status_dict"])
    errors = sum(n for reason, n in counts.items() if reason in ERRORS or reason.startswith("http_5"))
    return Outcome(counts, attempted=counts.total(), errors=errors)


def _write_and_keep(rows: Iterable[Row], shard: int, job: DownloadJob, out: Path) -> None:
    """Writes a shard and moves it to its place when it is whole, its statistics last: they mark it as such."""
    with tempfile.TemporaryDirectory(dir=out) as folder:
        write_shard(Path(folder), shard, rows)
        if job.server is not None:
            job.server.check()
        for ending in (".tar", ".parquet", "_stats.json"):
            name = f"{shard_name(shard)}{ending}"
            (Path(folder) / name).replace(job.shards / name)


class _HostPictures:
    """Fetches a host's pictures a little ahead of the shard that is being written; opens its connections on first use."""

    def __init__(self, runner: asyncio.Runner, share: HostShare, job: DownloadJob) -> None:
        self._runner = runner
        self._host = share.host
        self._job = job
        self._session: Any = None
        self._fetcher: HostFetcher | None = None

    def rows(self, pairs: Sequence[Pair], shard: int) -> Iterator[Row]:
        """The rows of one shard, in order; at most twice as many pictures as connections are held."""
        window: deque[asyncio.Task[bytes | Failure]] = deque()
        ahead = iter(pairs)
        for position, pair in enumerate(pairs):
            while len(window) < 2 * self._job.parameters.connections and (following := next(ahead, None)) is not None:
                window.append(self._start(following.url))
            answer = self._runner.run(_wait(window.popleft()))
            yield self._row(pair, picture_key(shard, position), answer)

    def _start(self, url: str) -> asyncio.Task[bytes | Failure]:
        loop = self._runner.get_loop()
        if self._fetcher is None:
            self._session = self._runner.run(_open(self._job.parameters))
            self._fetcher = HostFetcher(self._host, self._session, self._job.parameters)
        return loop.create_task(self._fetcher.picture(url))

    def _row(self, pair: Pair, key: str, answer: bytes | Failure) -> Row:
        record = {name: value for name, value in pair._asdict().items() if name != "position"} | {"key": key}
        if isinstance(answer, Failure):
            return Row(record | {"status": FAILED_TO_DOWNLOAD, "error_message": answer.reason})
        found = verify(answer, self._job.parameters.max_pixels, self._job.parameters.min_side)
        if isinstance(found, Rejected):
            size = {"original_width": found.width or None, "original_height": found.height or None}
            return Row(record | size | {"status": FAILED_TO_RESIZE, "error_message": found.reason})
        record |= _description(found)
        if (
            open_hold_out(self._job.hold_out).difference(thumbnail(found.rgb))
            <= self._job.parameters.hold_out_difference
        ):
            return Row(record | {"status": FAILED_TO_RESIZE, "error_message": NEAR_COPY})
        return Row(record | {"status": SUCCESS}, found.image, found.extension)

    def close(self) -> None:
        """Closes the connections."""
        if self._session is not None:
            self._runner.run(self._session.close())


def _description(found: Verified) -> dict[str, Any]:
    width, height = found.rgb.size
    size = {"width": width, "height": height, "original_width": width, "original_height": height}
    return size | {"sha256": found.sha256, "phash": found.phash}


async def _open(parameters: CrawlParameters) -> Any:
    return open_session(parameters)


async def _wait(task: "asyncio.Task[bytes | Failure]") -> bytes | Failure:
    return await task
