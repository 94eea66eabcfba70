"""Our tables of facts on the sample's subjects and their namesakes."""

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
    """One entity.

    `depicts` are the keys of concepts whose pictures show it (empty for a namesake).
    """

    qid: str
    label: str
    aliases: tuple[str, ...]
    parent_qid: str
    description: str
    depicts: tuple[str, ...]


def read_facts(folder: Path = FOLDER) -> list[Fact]:
    """Reads all tables, sorted by numeric Q-id.

    Raises:
        InputError: if a table's columns differ from `COLUMNS`, a row has the wrong number of cells
            or no Q-id, or two facts have the same Q-id or depict the same concept.
    """
    facts: list[Fact] = []
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.reader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            header = next(rows, [])
            if header != COLUMNS:
                raise InputError(f"{path}: its columns are {header}; they must be {COLUMNS}")
            facts += [_fact(path, rows.line_num, cells) for cells in rows]
    _check_unique("the Q-id", [fact.qid for fact in facts])
    _check_unique("the concept", [key for fact in facts for key in fact.depicts])
    return sorted(facts, key=lambda fact: number_of(fact.qid))


def _fact(path: Path, line: int, cells: list[str]) -> Fact:
    if len(cells) != len(COLUMNS) or not is_qid(cells[0]) or not cells[1]:
        raise InputError(
            f"{path}, line {line}: {cells} is not a fact; it needs a Q-id, a label, and cells for {COLUMNS[2:]}"
        )
    qid, label, aliases, parent, description, depicts = cells
    return Fact(qid, label, _split(aliases), parent, description, _split(depicts))


def _check_unique(what: str, values: list[str]) -> None:
    for value, times in Counter(values).items():
        if times > 1:
            raise InputError(f"{FOLDER}: {what} {value} is in {times} rows; keep one")


def _split(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def depicted(facts: list[Fact]) -> dict[str, str]:
    """Q-ids by the key of the concept that they depict."""
    return {key: fact.qid for fact in facts for key in fact.depicts}
