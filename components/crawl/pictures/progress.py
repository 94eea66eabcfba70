"""Progress of a download: every part writes its statistics, and the driver logs their sum."""

import logging
import threading
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.crawl.hosts.records import HostRecord
from components.crawl.pictures.timing import Clock
from components.shards.format import SUCCESS
from components.storage.json_files import read_json, write_json

logger = logging.getLogger(__name__)

_FEW = 3


@dataclass
class DownloadStats:
    """Statistics so far.

    Attributes:
        outcomes: number of pictures by outcome.
        bytes: total size of the responses.
        hosts: mean seconds per request of the slowest hosts.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    hosts: dict[str, float] = field(default_factory=dict)

    def add(self, outcome: str, size: int) -> None:
        """Counts one picture."""
        self.outcomes[outcome] += 1
        self.bytes += size

    def record(self, clock: Clock, total: HostRecord, hosts: Mapping[str, HostRecord]) -> dict[str, Any]:
        """As a JSON object; `total` is over all hosts, `hosts` are the notable ones."""
        return {
            "outcomes": dict(self.outcomes),
            "bytes": self.bytes,
            "requests": total.requests,
            "retries": total.retries,
            **clock.to_json(),
            "hosts": {host: record.to_json() for host, record in hosts.items()},
        }


def read_stats(folder: Path) -> DownloadStats:
    """The sum over all parts."""
    total = DownloadStats()
    for path in folder.glob("*.json"):
        part = read_json(path)
        total.outcomes.update(part["outcomes"])
        total.bytes += part["bytes"]
        means = {host: HostRecord.from_json(record).mean for host, record in part["hosts"].items()}
        total.hosts |= {host: round(mean, 3) for host, mean in means.items() if mean is not None}
    return total


def write_stats(
    folder: Path, shard: int, stats: DownloadStats, clock: Clock, hosts: tuple[HostRecord, Mapping[str, HostRecord]]
) -> None:
    """Writes the statistics of the part that starts at `shard`."""
    write_json(folder / f"{shard:05d}.json", stats.record(clock, *hosts))


def progress_line(now: DownloadStats, before: DownloadStats, pictures: int, seconds: float) -> str:
    """Pictures so far, the rate since `before`, `seconds` ago, and the most frequent failures."""
    done, taken = now.outcomes.total(), now.outcomes[SUCCESS]
    seconds = max(seconds, 1e-3)  # a short crawl may end immediately
    rate = (done - before.outcomes.total()) / seconds
    megabytes = (now.bytes - before.bytes) / seconds / 1e6
    parts = [
        f"{done:,} of {pictures:,} pictures, {rate:,.0f}/s, {megabytes:.1f} MB/s, {taken / max(1, done):.1%} taken"
    ]
    if losses := [f"{reason} {n:,}" for reason, n in now.outcomes.most_common() if reason != SUCCESS][:_FEW]:
        parts.append(f"lost to {', '.join(losses)}")
    if slow := sorted(now.hosts, key=lambda host: -now.hosts[host])[:_FEW]:
        parts.append(f"slowest hosts {', '.join(f'{host} {now.hosts[host]:.1f} s' for host in slow)}")
    return "; ".join(parts)


@contextmanager
def log_progress(folder: Path, pictures: int, every: float) -> Iterator[None]:
    """Logs progress every `every` seconds and at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    stop = threading.Event()
    reporter = threading.Thread(
        target=_log_until, args=(folder, pictures, every, stop, read_stats(folder)), name="progress"
    )
    reporter.start()
    try:
        yield
    finally:
        stop.set()
        reporter.join()


def _log_until(folder: Path, pictures: int, every: float, stop: threading.Event, before: DownloadStats) -> None:
    since = time.monotonic()
    ended = False
    while not ended:
        ended = stop.wait(every)
        now, clock = read_stats(folder), time.monotonic()
        if now.outcomes.total() > before.outcomes.total():
            logger.info("crawl: %s", progress_line(now, before, pictures, clock - since))
            before, since = now, clock
