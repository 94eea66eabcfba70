"""What each try found: one JSON line, so that an interrupted demonstration goes on where it was."""

import json
from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table


@dataclass(frozen=True)
class Try:
    """One try.

    Attributes:
        scenario: `two-at-once`, `kills` or `full-disk`.
        what: the disturbed command or commands.
        round: which try of the same.
        happened: how it ended, in words that are counted.
        problems: what was lost, doubled, left behind or not said.
    """

    scenario: str
    what: str
    round: int
    happened: str
    problems: list[str] = field(default_factory=list)
    details: dict[str, object] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str, int]:
        """What it is found by."""
        return self.scenario, self.what, self.round


@dataclass
class Journal:
    """The file of all tries."""

    path: Path

    def read(self) -> dict[tuple[str, str, int], Try]:
        """The newest try of each key."""
        if not self.path.exists():
            return {}
        lines = self.path.read_text(encoding="utf-8").splitlines()
        tries = [Try(**json.loads(line)) for line in lines]
        return {one.key: one for one in tries}

    def good(self) -> set[tuple[str, str, int]]:
        """The tries that need not be repeated."""
        return {key for key, one in self.read().items() if not one.problems}

    def add(self, one: Try) -> None:
        """Appends a try."""
        self.path.parent.mkdir(parents=True, exist_ok=True)
        with self.path.open("a", encoding="utf-8") as file:
            file.write(json.dumps(asdict(one), ensure_ascii=False) + "\n")


def show(tries: Iterable[Try]) -> int:
    """Prints a row for each command, and every problem; returns the number of tries with one."""
    table = Table("scenario", "what", "tries", "how they ended", "with problems", box=None)
    rows: dict[tuple[str, str], list[Try]] = {}
    for one in tries:
        rows.setdefault((one.scenario, one.what), []).append(one)
    for (scenario, what), several in rows.items():
        ends = [one.happened for one in several]
        counted = ", ".join(f"{ends.count(end)} × {end}" for end in sorted(set(ends)))
        table.add_row(scenario, what, str(len(several)), counted, str(sum(bool(one.problems) for one in several)))
    console = Console()
    console.print(table)
    bad = [one for several in rows.values() for one in several if one.problems]
    for one in bad:
        console.print(
            f"{one.scenario} {one.what} {one.round}: {'; '.join(one.problems)}", highlight=False, markup=False
        )
    total = sum(map(len, rows.values()))
    console.print(f"{total} tries, {len(bad)} with something lost, doubled, left behind or unsaid")
    return len(bad)
