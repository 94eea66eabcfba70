"""Ambiguous mentions of the sample: all cases, and the committed half that nothing is tuned on.

A case is a pair (name, right entity): the first mention in a picture's text whose candidates
include the truth table's entity, if there are at least two candidates. The picture whose URL has
the smallest sha256 represents the pair. The sha256 of the name assigns the pair: odd = listed in
`benchmarks/label/ambiguous.tsv`, for evaluation only; even = for development, where errors may be
inspected and methods compared.
"""

import csv
import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import astuple, dataclass, fields
from pathlib import Path

from components.errors import InputError
from components.knowledge.base.names import normalise
from components.label.text.reading import Reading

LISTED = Path(__file__).parent / "ambiguous.tsv"
_HEADER = """\
# Ambiguous mentions of the sample, for evaluation only: nothing has been tuned on this list.
# Drawn by `python -m benchmarks.label.quality --write-cases`; rule: benchmarks/label/ambiguous.py.
"""


@dataclass(frozen=True)
class Case:
    """A picture's text, its ambiguous mention, the number of candidates, and the right entity."""

    url: str
    text: str
    mention: str
    candidates: int
    entity_id: str


def draw(pictures: Iterable[tuple[str, Reading, str]], entity_ids: Mapping[int, str]) -> list[Case]:
    """All cases of (URL, reading, right entity) triples, sorted by name and entity; `entity_ids` is
    by row."""
    chosen: dict[tuple[str, str], tuple[str, Case]] = {}
    for url, reading, right in pictures:
        for mention in reading.mentions:
            ids = [entity_ids[row] for row in (*mention.rows, *mention.barred)]
            if right not in ids:
                continue
            if len(ids) > 1:
                surface = reading.text[mention.start : mention.end]
                drawn = (_hash(url), Case(url, reading.text, surface, len(ids), right))
                key = (normalise(surface), right)
                chosen[key] = min(chosen.get(key, drawn), drawn, key=lambda entry: entry[0])
            break
    return [case for _, (_, case) in sorted(chosen.items())]


def is_listed(case: Case) -> bool:
    """Whether the case is for evaluation; the others are for development."""
    return int(_hash(normalise(case.mention)), 16) % 2 == 1


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()


def write_cases(cases: Iterable[Case], path: Path = LISTED) -> None:
    """Writes the list: a header, the column names, and one case per line."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        stream.write(_HEADER)
        rows = csv.writer(stream, delimiter="\t", lineterminator="\n")
        rows.writerow([field.name for field in fields(Case)])
        rows.writerows(astuple(case) for case in cases)


def read_cases(path: Path = LISTED) -> list[Case]:
    """Reads the list.

    Raises:
        InputError: if it is missing, or its columns are wrong.
    """
    try:
        lines = [line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("#")]
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}); --write-cases draws it") from error
    names, *rows = csv.reader(lines, delimiter="\t")
    if names != [field.name for field in fields(Case)]:
        raise InputError(f"{path}: its columns are {names}; redraw it with --write-cases")
    return [Case(url, text, mention, int(count), entity) for url, text, mention, count, entity in rows]
