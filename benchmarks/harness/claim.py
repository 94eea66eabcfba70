"""A measured figure beside its bar, and how a benchmark says what it found."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Claim:
    """`value` is measured, `bar` is what it must reach at least (or at most), `against` says beside what it was measured."""

    figure: str
    value: float
    bar: float
    against: str
    at_most: bool = False

    @property
    def holds(self) -> bool:
        """Whether the value reaches the bar."""
        return self.value <= self.bar if self.at_most else self.value >= self.bar

    def row(self) -> dict[str, object]:
        """As programs read it."""
        fields = asdict(self)
        fields.pop("at_most")
        return fields | {"value": round(self.value, 4), "holds": self.holds}


def conclude(claims: Sequence[Claim]) -> None:
    """Prints all claims as a table and, as the last line, JSON: the first claim's fields, the others below `others`.

    Ends the process with code 1 if a claim does not hold.
    """
    table = Table("figure", "measured", "bar", "against", "", box=None)
    for claim in claims:
        bar = f"{'≤' if claim.at_most else '≥'} {claim.bar:g}"
        verdict = "[green]holds[/]" if claim.holds else "[red]fails[/]"
        table.add_row(claim.figure, f"{claim.value:.3f}", bar, claim.against, verdict)
    Console().print(table)
    first, *others = (claim.row() for claim in claims)
    print(json.dumps(first | ({"others": others} if others else {})), flush=True)
    if not all(claim.holds for claim in claims):
        sys.exit(1)
