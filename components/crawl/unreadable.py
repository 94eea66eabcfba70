"""Parts of a source that cannot be read."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unreadable:
    """A record of an archive or a row of a list that cannot be read.

    Attributes:
        offset: its position: a byte offset, or the number of a line or row.
        reason: what is wrong.
        unit: the unit of `offset`.
        number: how many records or rows are lost with it.
    """

    offset: int
    reason: str
    unit: str = "byte"
    number: int = 1

    def __str__(self) -> str:
        more = f" and {self.number - 1} after it" if self.number > 1 else ""
        return f"{self.unit} {self.offset}{more}: {self.reason}"
