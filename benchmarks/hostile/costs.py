"""What hostile input costs each reader of foreign bytes: CPU time and memory per started megabyte.

A started megabyte of any input may take 2 s and 100 MB.
"""

import argparse
from collections.abc import Iterator
from fnmatch import fnmatchcase
from itertools import groupby
from pathlib import Path
from tempfile import TemporaryDirectory

from rich.console import Console
from rich.progress import track
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.hostile.case import MOST_MEGABYTES, MOST_SECONDS, Case, Cost
from benchmarks.hostile.inputs import archives, lists, others, pages, pictures
from benchmarks.hostile.measure import measure
from benchmarks.hostile.readers import READERS

_MODULES = (pages, archives, lists, pictures, others)
# How often a read is repeated that takes longer than it may, for a machine that is busy meanwhile.
_ROUNDS = 3


def all_cases() -> list[Case]:
    """All hostile inputs, by reader."""
    found = [case for module in _MODULES for case in module.cases()]
    return sorted(found, key=lambda case: list(READERS).index(case.reader))


def main() -> None:
    """Measures the inputs that are asked for, prints a table per reader, and judges the worst."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("only", nargs="*", default=["*"], help="readers, or READER/INPUT, with wildcards")
    parser.add_argument("--largest", type=int, default=10**9, help="leave out larger inputs, bytes")
    parser.add_argument("--outcomes", action="store_true", help="also print what came of each input")
    options = parser.parse_args()
    chosen = [case for case in all_cases() if any(_matches(case, pattern) for pattern in options.only)]
    if not chosen:
        parser.error(f"no input is called {', '.join(options.only)}; the readers: {', '.join(READERS)}")
    console = Console()
    with TemporaryDirectory() as folder:
        inputs = _Inputs(Path(folder), options.largest)
        found = {case: list(_costs(case, inputs)) for case in track(chosen, "inputs", console=Console(stderr=True))}
    for reader, cases in groupby(chosen, key=lambda case: case.reader):
        console.print(_table(reader, {case: found[case] for case in cases}, outcomes=options.outcomes))
    conclude(list(_claims(found)))


def _matches(case: Case, pattern: str) -> bool:
    return fnmatchcase(case.reader, pattern) or fnmatchcase(f"{case.reader}/{case.name}", pattern)


class _Inputs:
    """Files of inputs; those that several readers read are made once."""

    def __init__(self, folder: Path, largest: int) -> None:
        self._folder = folder
        self._largest = largest
        self._paths: dict[tuple[object, int, str], Path] = {}

    def of(self, case: Case) -> Iterator[Path]:
        """The files of an input, by size; the least one at least."""
        ending = READERS[case.reader].ending
        for size in sorted(case.sizes):
            if size > max(self._largest, min(case.sizes)):
                return
            path = self._paths.setdefault((case.make, size, ending), self._folder / f"{len(self._paths)}{ending}")
            if not path.exists():
                path.write_bytes(case.make(size))
            yield path


def _costs(case: Case, inputs: _Inputs) -> Iterator[Cost]:
    for path in inputs.of(case):
        cost = measure(case.reader, path)
        for _ in range(_ROUNDS - 1):
            if cost.holds:
                break
            cost = min(cost, measure(case.reader, path), key=lambda one: one.share)
        yield cost


def _table(reader: str, found: dict[Case, list[Cost]], *, outcomes: bool) -> Table:
    table = Table("input", "bytes", "s/MB", "MB/MB", "", title=reader, box=None, title_justify="left")
    for column in table.columns[1:4]:
        column.justify = "right"
    if outcomes:
        table.add_column("outcome", overflow="fold")
    rows = [(case, cost) for case, costs in found.items() for cost in costs]
    for case, cost in sorted(rows, key=lambda row: -row[1].share):
        verdict = "[green]held[/]" if cost.holds else "[red]over[/]"
        cells = [
            f"{cost.size:,}",
            f"{cost.seconds / cost.started:.2f}",
            f"{cost.megabytes / cost.started:.0f}",
            verdict,
        ]
        table.add_row(case.name, *cells, *([cost.outcome[:160]] if outcomes else []))
    return table


def _claims(found: dict[Case, list[Cost]]) -> Iterator[Claim]:
    """The worst time and memory of each reader."""
    for reader, cases in groupby(found, key=lambda case: case.reader):
        costs = [(case.name, cost) for case in cases for cost in found[case]]
        name, worst = max(costs, key=lambda one: one[1].seconds / one[1].started)
        yield Claim(f"{reader}, s/MB", worst.seconds / worst.started, MOST_SECONDS, name, at_most=True)
        name, worst = max(costs, key=lambda one: one[1].megabytes / one[1].started)
        yield Claim(f"{reader}, MB/MB", worst.megabytes / worst.started, MOST_MEGABYTES, name, at_most=True)


if __name__ == "__main__":
    main()
