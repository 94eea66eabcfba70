"""How long the parts of a download took and how their hosts answered.

Times differ from run to run, so they stand in a file of their own, `metrics/timing/crawl.json`, beside the seconds of stages: no
output of the crawl holds any, and no stage is run again because of them.
"""

import time
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from components.shards.format import SUCCESS
from components.storage.json_files import read_json

# Hosts that a part, and the whole crawl, writes down: so many of the slowest, and of those that failed most.
_TOLD = 10
# A host's mean time says something from so many requests on.
_TELLING = 3
# Records of hosts that are kept until the unremarkable ones among them are dropped.
_KEPT = 1000


@dataclass
class HostRecord:
    """How one host answered.

    Attributes:
        requests: that were made, those for robots.txt, redirects and further attempts included.
        seconds: that they took altogether.
        retries: further attempts among them.
        failures: pictures that were not had, by reason.
    """

    requests: int = 0
    seconds: float = 0.0
    retries: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def mean(self) -> float | None:
        """Seconds of a request; None where too few were made to say."""
        return self.seconds / self.requests if self.requests >= _TELLING else None

    def add(self, other: "HostRecord") -> None:
        """Takes in another record."""
        self.requests += other.requests
        self.seconds += other.seconds
        self.retries += other.retries
        self.failures.update(other.failures)

    def as_written(self) -> dict[str, Any]:
        """For JSON."""
        return {
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "retries": self.retries,
            "failures": dict(self.failures),
        }

    @classmethod
    def as_read(cls, record: Mapping[str, Any]) -> "HostRecord":
        """From JSON."""
        return cls(record["requests"], record["seconds"], record["retries"], Counter(record["failures"]))


class HostBook:
    """Records of all hosts of a part in bounded memory: the sum of all, and those worth telling of.

    Attributes:
        total: of all hosts that were closed.
    """

    def __init__(self) -> None:
        self.total = HostRecord()
        self._closed: dict[str, HostRecord] = {}

    def close(self, host: str, record: HostRecord) -> None:
        """Takes down a host that nothing is asked of for now."""
        self.total.add(record)
        if host in self._closed:
            self._closed[host].add(record)
        else:
            self._closed[host] = record  # itself: its last pictures may still be being decoded
        if len(self._closed) > _KEPT:
            self._closed = notable(self._closed)

    def summary(self, still: Mapping[str, HostRecord]) -> tuple[HostRecord, dict[str, HostRecord]]:
        """The sum over all hosts, and the records worth telling of; `still`: those not closed."""
        sums = {host: HostRecord() for host in {*self._closed, *still}}
        total = HostRecord()
        total.add(self.total)
        for host, record in [*self._closed.items(), *still.items()]:
            sums[host].add(record)
        for record in still.values():
            total.add(record)
        return total, notable(sums)


@dataclass(frozen=True)
class Clock:
    """When a part was begun in this run, and how many of its pictures an earlier run had finished.

    Attributes:
        start: seconds since 1970.
        begun: of the clock that is never set.
        kept: pictures of the earlier run, which have no share in the part's time.
    """

    start: float
    begun: float
    kept: int

    @classmethod
    def begin(cls, kept: int) -> "Clock":
        """From now on."""
        return cls(time.time(), time.monotonic(), kept)

    def as_written(self) -> dict[str, float | int]:
        """For JSON: start, end and seconds so far, and the pictures kept."""
        seconds = time.monotonic() - self.begun
        end = self.start + seconds
        return {"start": round(self.start, 3), "end": round(end, 3), "seconds": round(seconds, 3), "kept": self.kept}


def slowest(hosts: Mapping[str, HostRecord]) -> list[str]:
    """The hosts with the longest mean time, first the slowest."""
    means = {host: mean for host, record in hosts.items() if (mean := record.mean) is not None}
    return sorted(means, key=lambda host: (-means[host], host))[:_TOLD]


def failing(hosts: Mapping[str, HostRecord]) -> list[str]:
    """The hosts that most pictures were not had from, first the worst."""
    failures = {host: total for host, record in hosts.items() if (total := record.failures.total())}
    return sorted(failures, key=lambda host: (-failures[host], host))[:_TOLD]


def notable(hosts: Mapping[str, HostRecord]) -> dict[str, HostRecord]:
    """The slowest and the failing hosts."""
    return {host: hosts[host] for host in dict.fromkeys([*slowest(hosts), *failing(hosts)])}


def read_timing(progress: Path) -> dict[str, Any] | None:
    """What `metrics/timing/crawl.json` holds, from what the parts wrote down; None if none wrote anything (docs/formats.md)."""
    parts = {int(path.stem): read_json(path) for path in sorted(progress.glob("*.json"))}
    if not parts:
        return None
    rows = [_part(shard, record) for shard, record in parts.items()]
    hosts: dict[str, HostRecord] = {}
    for part in parts.values():  # a host belongs to one part
        hosts |= {host: HostRecord.as_read(record) for host, record in part["hosts"].items()}
    seconds = busy((row["start"], row["end"]) for row in rows)
    return {
        "start": min(row["start"] for row in rows),
        "end": max(row["end"] for row in rows),
        "seconds": round(seconds, 3),
        **{
            name: sum(row[name] for row in rows)
            for name in ("pictures", "taken", "kept", "bytes", "requests", "retries")
        },
        "parts": rows,
        "hosts": {"slowest": _told(hosts, slowest(hosts)), "failing": _told(hosts, failing(hosts))},
    }


def _part(shard: int, record: Mapping[str, Any]) -> dict[str, Any]:
    outcomes = record["outcomes"]
    times = {name: record[name] for name in ("start", "end", "seconds", "kept", "bytes", "requests", "retries")}
    return {
        "first_shard": shard,
        **times,
        "pictures": sum(outcomes.values()) - record["kept"],
        "taken": outcomes.get(SUCCESS, 0),
    }


def _told(hosts: Mapping[str, HostRecord], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"host": name, **hosts[name].as_written()} for name in names]


def busy(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which anything was under way: parts overlap, and between a kill and the next run nothing is."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
