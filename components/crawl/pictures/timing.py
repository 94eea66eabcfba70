"""Durations of a download's parts and response times of its hosts.

Times differ from run to run, so they have a file of their own, `metrics/timing/crawl.json`, next to
the durations of stages. No output of the crawl contains any, so they never cause a stage to run
again.
"""

import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.crawl.hosts.records import HostRecord, failing, slowest
from components.shards.format import SUCCESS
from components.storage.json_files import read_json


@dataclass(frozen=True)
class Clock:
    """When a part started in this run, and how many of its pictures an earlier run had finished.

    Attributes:
        start: seconds since 1970.
        monotonic_start: the same on the monotonic clock, seconds.
        kept: pictures of the earlier run, which the duration does not cover.
    """

    start: float
    monotonic_start: float
    kept: int

    @classmethod
    def now(cls, kept: int) -> "Clock":
        """A clock that starts now."""
        return cls(time.time(), time.monotonic(), kept)

    def to_json(self) -> dict[str, float | int]:
        """As a JSON object: start, end and duration so far, and the pictures kept."""
        seconds = time.monotonic() - self.monotonic_start
        end = self.start + seconds
        return {"start": round(self.start, 3), "end": round(end, 3), "seconds": round(seconds, 3), "kept": self.kept}


def read_timing(progress: Path) -> dict[str, Any] | None:
    """The content of `metrics/timing/crawl.json` (docs/formats.md); None if nothing ran."""
    parts = {int(path.stem): read_json(path) for path in sorted(progress.glob("*.json"))}
    if not parts:
        return None
    rows = [_part(shard, record) for shard, record in parts.items()]
    hosts: dict[str, HostRecord] = {}
    for part in parts.values():  # a host is in one part only
        hosts |= {host: HostRecord.from_json(record) for host, record in part["hosts"].items()}
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
        "hosts": {"slowest": _host_rows(hosts, slowest(hosts)), "failing": _host_rows(hosts, failing(hosts))},
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


def _host_rows(hosts: Mapping[str, HostRecord], names: Sequence[str]) -> list[dict[str, Any]]:
    return [{"host": name, **hosts[name].to_json()} for name in names]


def busy(spans: Iterable[tuple[float, float]]) -> float:
    """Seconds in which any part was active; parts overlap."""
    total, until = 0.0, float("-inf")
    for start, end in sorted(spans):
        total += max(0.0, end - max(start, until))
        until = max(until, end)
    return total
