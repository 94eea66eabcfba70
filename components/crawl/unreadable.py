"""Parts of a source that cannot be read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unreadable:
    """A record of an archive or a row of a list that cannot be read.

    Attributes:
        offset: its position: a byte offset, or the number of a line or row.
        reason: what is wrong.
        unit: the unit of `offset`.
    """

    offset: int
    reason: str
    unit: str = "byte"

    def __str__(self) -> str:
        return f"{self.unit} {self.offset}: {self.reason}"
