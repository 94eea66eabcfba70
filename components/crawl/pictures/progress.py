"""How a download goes: every part writes down what it did so far, and the driver says it all together now and then."""

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
class Tally:
    """What became of pictures so far.

    Attributes:
        outcomes: pictures by outcome.
        bytes: that were served.
        hosts: mean seconds of a request, by host, of the slowest ones.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    bytes: int = 0
    hosts: dict[str, float] = field(default_factory=dict)

    def add(self, outcome: str, size: int) -> None:
        """One more picture."""
        self.outcomes[outcome] += 1
        self.bytes += size

    def record(self, clock: Clock, total: HostRecord, hosts: Mapping[str, HostRecord]) -> dict[str, Any]:
        """As it is written down; `total`: of all hosts, `hosts`: those worth telling of."""
        return {
            "outcomes": dict(self.outcomes),
            "bytes": self.bytes,
            "requests": total.requests,
            "retries": total.retries,
            **clock.as_written(),
            "hosts": {host: record.as_written() for host, record in hosts.items()},
        }


def read_tally(folder: Path) -> Tally:
    """All parts together, of what they wrote down."""
    total = Tally()
    for path in folder.glob("*.json"):
        part = read_json(path)
        total.outcomes.update(part["outcomes"])
        total.bytes += part["bytes"]
        means = {host: HostRecord.as_read(record).mean for host, record in part["hosts"].items()}
        total.hosts |= {host: round(mean, 3) for host, mean in means.items() if mean is not None}
    return total


def write_tally(
    folder: Path, shard: int, tally: Tally, clock: Clock, hosts: tuple[HostRecord, Mapping[str, HostRecord]]
) -> None:
    """Writes down the part whose first shard this is; `hosts`: the sum over all, and those worth telling of."""
    write_json(folder / f"{shard:05d}.json", tally.record(clock, *hosts))


def sentence(now: Tally, before: Tally, pictures: int, seconds: float) -> str:
    """What was done, how fast since `before`, `seconds` ago, and what goes wrong most."""
    done, taken = now.outcomes.total(), now.outcomes[SUCCESS]
    seconds = max(seconds, 1e-3)  # a short crawl may end as soon as it began
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
def told(folder: Path, pictures: int, every: float) -> Iterator[None]:
    """Logs a sentence every so many seconds, and one at the end."""
    folder.mkdir(parents=True, exist_ok=True)
    over = threading.Event()
    teller = threading.Thread(target=_tell, args=(folder, pictures, every, over, read_tally(folder)), name="progress")
    teller.start()
    try:
        yield
    finally:
        over.set()
        teller.join()


def _tell(folder: Path, pictures: int, every: float, over: threading.Event, before: Tally) -> None:
    since = time.monotonic()
    ended = False
    while not ended:
        ended = over.wait(every)
        now, clock = read_tally(folder), time.monotonic()
        if now.outcomes.total() > before.outcomes.total():
            logger.info("crawl: %s", sentence(now, before, pictures, clock - since))
            before, since = now, clock
