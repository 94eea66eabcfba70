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

from components.shards import SUCCESS
from components.stage import read_json, write_json

logger = logging.getLogger(__name__)

_FEW = 3
# A host's mean time says something from so many requests on.
_TELLING = 3
# Hosts that a part writes down, the slowest.
_SLOWEST = 10


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

    def record(self, hosts: Mapping[str, tuple[int, float]]) -> dict[str, Any]:
        """As it is written down; `hosts`: requests and their seconds altogether."""
        means = {host: seconds / requests for host, (requests, seconds) in hosts.items() if requests >= _TELLING}
        slowest = sorted(means, key=lambda host: -means[host])[:_SLOWEST]
        return {
            "outcomes": dict(self.outcomes),
            "bytes": self.bytes,
            "hosts": {host: round(means[host], 3) for host in slowest},
        }


def read_tally(folder: Path) -> Tally:
    """All parts together, of what they wrote down."""
    total = Tally()
    for path in folder.glob("*.json"):
        part = read_json(path)
        total.outcomes.update(part["outcomes"])
        total.bytes += part["bytes"]
        total.hosts |= part["hosts"]
    return total


def write_tally(folder: Path, shard: int, tally: Tally, hosts: Mapping[str, tuple[int, float]]) -> None:
    """Writes down the part whose first shard this is."""
    write_json(folder / f"{shard:05d}.json", tally.record(hosts))


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
