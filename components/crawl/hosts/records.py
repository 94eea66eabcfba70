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
        return self.seconds / self.requests if self.requests >= _MIN_REQUESTS else None

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
        if len(self._closed) > _MAX_RECORDS:
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


def slowest(hosts: Mapping[str, HostRecord]) -> list[str]:
    """The hosts with the longest mean time, first the slowest."""
    means = {host: mean for host, record in hosts.items() if (mean := record.mean) is not None}
    return sorted(means, key=lambda host: (-means[host], host))[:_REPORTED]


def failing(hosts: Mapping[str, HostRecord]) -> list[str]:
    """The hosts that most pictures were not had from, first the worst."""
    failures = {host: total for host, record in hosts.items() if (total := record.failures.total())}
    return sorted(failures, key=lambda host: (-failures[host], host))[:_REPORTED]


def notable(hosts: Mapping[str, HostRecord]) -> dict[str, HostRecord]:
    """The slowest and the failing hosts."""
    return {host: hosts[host] for host in dict.fromkeys([*slowest(hosts), *failing(hosts)])}
