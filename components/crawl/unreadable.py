"""What a source could not read, and where."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Unreadable:
    """A record of an archive or a row of a list that cannot be read.

    Attributes:
        offset: where it begins: a byte of the file, or the number of a line or row.
        reason: what is wrong.
        unit: what `offset` counts.
    """

    offset: int
    reason: str
    unit: str = "byte"

    def __str__(self) -> str:
        return f"{self.unit} {self.offset}: {self.reason}"
