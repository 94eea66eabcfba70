"""Claims: measured figures with the bars that they must reach, and their report."""

import json
import sys
from collections.abc import Sequence
from dataclasses import asdict, dataclass

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Claim:
    """A measured `value` with its `bar`, a lower (or upper) bound.

    `against` names the comparison.
    """

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
        """As a JSON object."""
        fields = asdict(self)
        fields.pop("at_most")
        return fields | {"value": round(self.value, 4), "holds": self.holds}


def conclude(claims: Sequence[Claim]) -> None:
    """Prints claims as a table and, as the last line, as JSON.

    The JSON has the fields of the first claim, and `others` for the rest. Exits with code 1 if a
    claim does not hold.
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
