"""A hostile input, and what reading it cost."""

from collections.abc import Callable
from dataclasses import dataclass

MEGABYTE = 1_000_000
# What a started megabyte of any input may cost any reader.
MOST_SECONDS, MOST_MEGABYTES = 2.0, 100.0
# Sizes that are tried: cost in steps shows in the least, the square of a length in the largest.
SMALL, LARGE = 50_000, MEGABYTE


@dataclass(frozen=True)
class Case:
    """One hostile input of a reader.

    Attributes:
        reader: its name in `benchmarks.hostile.readers.READERS`.
        name: what is hostile about the input.
        make: makes the input of about so many bytes; the same number gives the same bytes.
        sizes: the numbers of bytes to try.
    """

    reader: str
    name: str
    make: Callable[[int], bytes]
    sizes: tuple[int, ...] = (SMALL, LARGE)


@dataclass(frozen=True)
class Cost:
    """What reading an input of `size` bytes cost.

    Attributes:
        size: bytes of the input.
        seconds: of CPU time, in the process and in those that it started.
        megabytes: the most memory above what the idle process has, and of those that it started.
        outcome: what came of it, in a few words.
    """

    size: int
    seconds: float
    megabytes: float
    outcome: str

    @property
    def started(self) -> int:
        """Started megabytes of the input, at least one."""
        return max(1, -(-self.size // MEGABYTE))

    @property
    def share(self) -> float:
        """The larger of the shares of what it may cost that time and memory take."""
        return max(self.seconds / MOST_SECONDS, self.megabytes / MOST_MEGABYTES) / self.started

    @property
    def holds(self) -> bool:
        """Whether both are within their bounds."""
        return self.share <= 1
