"""The tables of facts that we wrote: Q-ids, names and descriptions of what the sample web shows, and of its namesakes."""

import csv
from dataclasses import dataclass
from pathlib import Path

from components.errors import InputError

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
        InputError: if a table's columns are not those of `COLUMNS`.
    """
    facts: list[Fact] = []
    for path in sorted(folder.glob("*.tsv")):
        with path.open(encoding="utf-8", newline="") as stream:
            rows = csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE)
            if rows.fieldnames != COLUMNS:
                raise InputError(f"{path}: its columns are {rows.fieldnames}; they must be {COLUMNS}")
            facts += [
                Fact(
                    row["qid"],
                    row["label"],
                    _several(row["aliases"]),
                    row["parent_qid"],
                    row["description"],
                    _several(row["depicts"]),
                )
                for row in rows
            ]
    return sorted(facts, key=lambda fact: int(fact.qid[1:]))


def _several(cell: str) -> tuple[str, ...]:
    return tuple(part for part in cell.split("|") if part)


def depicted(facts: list[Fact]) -> dict[str, str]:
    """Concept key → Q-id."""
    return {key: fact.qid for fact in facts for key in fact.depicts}
