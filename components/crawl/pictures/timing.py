"""How long the parts of a download took and how their hosts answered.

Times differ from run to run, so they stand in a file of their own, `metrics/timing/crawl.json`, beside the seconds of stages: no
output of the crawl holds any, and no stage is run again because of them.
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
