"""The tables of facts that we wrote: Q-ids, names and descriptions of what the sample web shows, and of its namesakes."""

import csv
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError
from components.knowledge.qid import is_qid, number_of

FOLDER = Path(__file__).parent / "facts"
COLUMNS = ["qid", "label", "aliases", "parent_qid", "description", "depicts"]


@dataclass(frozen=True)
class Fact:
    """One entity; `depicts` are the keys of the concepts whose pictures show it (none for a mere namesake)."""

    qid: str
    label: str
    aliases: tuple[str, ...]
    parent_qid: str
    description: str
    depicts: tuple[str, ...]


def read_facts(folder: Path = FOLDER) -> list[Fact]:
    """All tables, sorted by numeric Q-id.

    Raises:
        InputError: if a table's columns are not those of `COLUMNS`, a row has another number of cells or no Q-id, or two facts
            have one Q-id or depict one concept.
    """
    facts: list[Fact] = []
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = next(rows, [])
            if header != COLUMNS:
                raise InputError(f"{path}: its columns are {header}; they must be {COLUMNS}")
            facts += [_fact(path, rows.line_num, cells) for cells in rows]
    _once("the Q-id", [fact.qid for fact in facts])
    _once("the concept", [key for fact in facts for key in fact.depicts])
    return sorted(facts, key=lambda fact: number_of(fact.qid))


def _fact(path: Path, line: int, cells: list[str]) -> Fact:
    if len(cells) != len(COLUMNS) or not is_qid(cells[0]) or not cells[1]:
        raise InputError(
            f"{path}, line {line}: {cells} is no fact; it must have a Q-id, a label, and cells for {COLUMNS[2:]}"
        )
    qid, label, aliases, parent, description, depicts = cells
    return Fact(qid, label, _several(aliases), parent, description, _several(depicts))


def _once(what: str, values: list[str]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            raise InputError(f"{FOLDER}: {what} {value} stands in {times} rows; keep one")


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def depicted(facts: list[Fact]) -> dict[str, str]:
    """Concept key → Q-id."""
    return {key: fact.qid for fact in facts for key in fact.depicts}
