"""What an input costs its reader: CPU time and memory, held against a bound by its size."""

import os
import resource
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from tests.fuzz.reader import Reader

SECONDS = 2.0  # for each started megabyte of input
_STARTED = 1_000_000
_STATUS, _PEAK = Path("/proc/self/status"), Path("/proc/self/clear_refs")


@dataclass(frozen=True)
class Cost:
    """CPU seconds and peak memory in bytes, for each started megabyte of input."""

    seconds: float = 0.0
    memory: float = 0.0

    def is_within(self, limit: "Cost") -> bool:
        """Whether neither is above the limit's."""
        return self.seconds <= limit.seconds and self.memory <= limit.memory

    def worst(self, other: Self) -> "Cost":
        """The larger of each."""
        return Cost(max(self.seconds, other.seconds), max(self.memory, other.memory))

    def least(self, other: Self) -> "Cost":
        """The smaller of each."""
        return Cost(min(self.seconds, other.seconds), min(self.memory, other.memory))


def limit_of(reader: Reader) -> Cost:
    """What an input may cost."""
    return Cost(SECONDS, reader.memory)


def measured(reader: Reader, data: bytes) -> tuple[list[str], Cost]:
    """The outcomes of an input, and what it cost, child processes included."""
    before = _reset_peak()
    since = _cpu_seconds()
    outcomes: Iterable[str] = list(reader.read(data))
    seconds = _cpu_seconds() - since
    started = 1 + len(data) // _STARTED
    return list(outcomes), Cost(seconds / started, max(0, _peak() - before) / started)


def _cpu_seconds() -> float:
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def _reset_peak() -> int:
    """Sets the peak of this process's memory to its size of now, and returns it, in bytes."""
    with _PEAK.open("w") as file:
        file.write("5")
    return _peak()


def _peak() -> int:
    """`ru_maxrss` would include the parent's, and cannot be reset."""
    with _STATUS.open("rb") as file:
        for line in file:
            if line.startswith(b"VmHWM"):
                return 1024 * int(line.split()[1])
    raise RuntimeError(f"{_STATUS} of process {os.getpid()} has no VmHWM: costs are measured on Linux alone")
