"""How hosts answered: requests, time, retries and failures of each."""

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

# How many of the slowest hosts, and of those with the most failures, are reported.
_REPORTED = 10
# Requests from which on a host's mean time is meaningful.
_MIN_REQUESTS = 3
# Closed hosts in memory; beyond it, the unremarkable ones are dropped.
_MAX_RECORDS = 1000


@dataclass
class HostRecord:
    """Statistics of one host.

    Attributes:
        requests: all requests, including robots.txt, redirects and retries.
        seconds: their total duration.
        retries: the retries among them.
        failures: pictures that failed, by reason.
    """

    requests: int = 0
    seconds: float = 0.0
    retries: int = 0
    failures: Counter[str] = field(default_factory=Counter)

    @property
    def mean(self) -> float | None:
        """Mean seconds per request; None if there were too few."""
        return self.seconds / self.requests if self.requests >= _MIN_REQUESTS else None

    def add(self, other: "HostRecord") -> None:
        """Adds another record."""
        self.requests += other.requests
        self.seconds += other.seconds
        self.retries += other.retries
        self.failures.update(other.failures)

    def to_json(self) -> dict[str, Any]:
        """As a JSON object."""
        return {
            "requests": self.requests,
            "seconds": round(self.seconds, 3),
            "retries": self.retries,
            "failures": dict(self.failures),
        }

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> "HostRecord":
        """From a JSON object."""
        return cls(record["requests"], record["seconds"], record["retries"], Counter(record["failures"]))


class HostRecords:
    """Records of all hosts of a part in bounded memory: the total, and the notable hosts.

    Attributes:
        total: the sum over all closed hosts.
    """

    def __init__(self) -> None:
        self.total = HostRecord()
        self._closed: dict[str, HostRecord] = {}

    def close(self, host: str, record: HostRecord) -> None:
        """Adds the record of a host that is idle for now."""
        self.total.add(record)
        if host in self._closed:
            self._closed[host].add(record)
        else:
            self._closed[host] = record  # not a copy: its last pictures may still be decoding
        if len(self._closed) > _MAX_RECORDS:
            self._closed = notable(self._closed)

    def summary(self, open_hosts: Mapping[str, HostRecord]) -> tuple[HostRecord, dict[str, HostRecord]]:
        """The total and the notable hosts; `open_hosts` are those not closed yet."""
        sums = {host: HostRecord() for host in {*self._closed, *open_hosts}}
        total = HostRecord()
        total.add(self.total)
        for host, record in [*self._closed.items(), *open_hosts.items()]:
            sums[host].add(record)
        for record in open_hosts.values():
            total.add(record)
        return total, notable(sums)


def slowest(hosts: Mapping[str, HostRecord]) -> list[str]:
    """The hosts with the longest mean time, slowest first."""
    means = {host: mean for host, record in hosts.items() if (mean := record.mean) is not None}
    return sorted(means, key=lambda host: (-means[host], host))[:_REPORTED]


def failing(hosts: Mapping[str, HostRecord]) -> list[str]:
    """The hosts with the most failed pictures, worst first."""
    failures = {host: total for host, record in hosts.items() if (total := record.failures.total())}
    return sorted(failures, key=lambda host: (-failures[host], host))[:_REPORTED]


def notable(hosts: Mapping[str, HostRecord]) -> dict[str, HostRecord]:
    """The slowest and the failing hosts."""
    return {host: hosts[host] for host in dict.fromkeys([*slowest(hosts), *failing(hosts)])}
