"""The tables of facts: valid rows, no duplicates, and existing concepts."""

import bz2
import csv
import json
import re
from collections import defaultdict
from pathlib import Path

import pytest

from components.errors import InputError
from components.knowledge.base.names import normalise
from samples.concepts import Concept, read_json
from samples.facts import COLUMNS, FOLDER, depicted, read_facts
from samples.knowledge import _brands, _facts, _territories, territory_entities
from tests.samples.conftest import ROOT

WIKIDATA = ROOT.parent / "shared" / "data" / "wikidata"
TABLES = sorted(FOLDER.glob("*.tsv"))


def rows_of(path: Path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream, delimiter="\t", quoting=csv.QUOTE_NONE))


# Our tables


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table_is_plain_text_without_stray_blanks(path: Path) -> None:
    text = path.read_bytes().decode("utf-8")
    assert "\r" not in text
    assert text.endswith("\n")
    for row in rows_of(path):
        assert list(row) == COLUMNS
        parts = [part for cell in row.values() for part in cell.split("|")]
        assert all(part == part.strip() and "  " not in part for part in parts)
        assert all(part for part in (row["aliases"] or "-").split("|"))


@pytest.mark.parametrize("path", TABLES, ids=lambda path: path.stem)
def test_a_table_is_sorted_by_q_id_or_by_what_it_depicts(path: Path) -> None:
    rows = rows_of(path)
    numbers = [int(row["qid"][1:]) for row in rows]
    keys = [row["depicts"] for row in rows if row["depicts"]]
    assert numbers == sorted(numbers) or keys == sorted(keys)


def test_every_fact_has_a_name_and_a_description_and_is_not_its_own_parent() -> None:
    for fact in read_facts():
        assert normalise(fact.label), fact
        assert len(fact.description.split()) >= 2, fact
        assert fact.parent_qid != fact.qid, fact
        assert not fact.parent_qid or re.fullmatch(r"Q[1-9][0-9]*", fact.parent_qid), fact


def test_aliases_are_other_names_than_the_label() -> None:
    for fact in read_facts():
        assert fact.label not in fact.aliases, fact
        assert len(set(fact.aliases)) == len(fact.aliases), fact


def test_there_are_facts_for_five_hundred_concepts_and_two_hundred_brands() -> None:
    keys = depicted(read_facts())
    assert sum(key.startswith("emoji:") for key in keys) >= 500
    assert sum(key.startswith("brand:") for key in keys) >= 200


def test_what_a_fact_depicts_exists(concepts: list[Concept]) -> None:
    known = {concept.key for concept in concepts}
    assert sorted(set(depicted(read_facts())) - known) == []


def test_our_facts_do_not_contradict_the_territories(modules: Path) -> None:
    territories, ours = territory_entities(modules), depicted(read_facts())
    assert {key for key in territories.keys() & ours.keys() if territories[key] != ours[key]} == set()


@pytest.fixture(scope="module")
def bearers(modules: Path) -> dict[str, set[str]]:
    """Normalised name → the items of the sample's knowledge base with this name."""
    found: dict[str, set[str]] = defaultdict(set)
    for item in (*_facts(), *_territories(modules), *_brands(modules)):
        for name in (item.label, *item.aliases):
            found[normalise(name)].add(item.qid)
    return found


@pytest.mark.parametrize("name", ["turkey", "mouse", "bat", "crane", "seal", "orange", "club", "apple"])
def test_a_name_that_means_two_things_has_both_sides(name: str, bearers: dict[str, set[str]]) -> None:
    assert len(bearers[name]) >= 2


def test_two_hundred_names_of_what_pictures_show_are_names_of_other_things_too(bearers: dict[str, set[str]]) -> None:
    shown = [fact for fact in read_facts() if fact.depicts]
    names = {normalise(name) for fact in shown for name in (fact.label, *fact.aliases)}
    assert sum(len(bearers[name]) >= 2 for name in names) >= 200


@pytest.mark.skipif(not WIKIDATA.is_dir(), reason=f"{WIKIDATA} is not here")
def test_every_q_id_is_confirmed_by_a_source(modules: Path) -> None:
    with bz2.open(WIKIDATA / "subset.json.bz2") as stream:
        known = {json.loads(line.strip().rstrip(b","))["id"] for line in stream if len(line) > 3}
    known |= {row["qid"] for row in rows_of(WIKIDATA / "brands.tsv")}
    known |= set(read_json(modules, "name-suggestion-index/dist/wikidata/wikidata.json")["wikidata"])
    known |= set(territory_entities(modules).values())
    facts = read_facts()
    assert [fact for fact in facts if fact.qid not in known] == []
    known |= {fact.qid for fact in facts} | {""}
    assert [fact for fact in facts if fact.parent_qid not in known] == []


# Reading tables

GOOD = "Q1\tcrab\tcrabs|red crab\tQ2\tanimal with claws\temoji:1F980|emoji:1F99E"


def table(folder: Path, *rows: str, header: str = "\t".join(COLUMNS)) -> Path:
    (folder / "a.tsv").write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")
    return folder


def test_a_row_is_read(tmp_path: Path) -> None:
    (fact,) = read_facts(table(tmp_path, GOOD))
    assert (fact.qid, fact.label, fact.parent_qid) == ("Q1", "crab", "Q2")
    assert (fact.aliases, fact.depicts) == (("crabs", "red crab"), ("emoji:1F980", "emoji:1F99E"))


def test_quotes_are_part_of_a_text_and_empty_cells_are_allowed(tmp_path: Path) -> None:
    (fact,) = read_facts(table(tmp_path, 'Q1\t"crab"\t\t\t\t'))
    assert (fact.label, fact.aliases, fact.depicts) == ('"crab"', (), ())


def test_facts_are_sorted_by_the_number_of_their_q_id(tmp_path: Path) -> None:
    facts = read_facts(table(tmp_path, "Q10\tten\t\t\t\t", "Q9\tnine\t\t\t\t"))
    assert [fact.qid for fact in facts] == ["Q9", "Q10"]


@pytest.mark.parametrize("row", ["Q1\tcrab", GOOD + "\tmore", GOOD.replace("Q1", "1"), "Q1\t\t\t\t\t", ""])
def test_an_invalid_row_is_named_with_its_line(tmp_path: Path, row: str) -> None:
    with pytest.raises(InputError, match=r"a\.tsv, line 3: "):
        read_facts(table(tmp_path, GOOD, row))


def test_wrong_columns_are_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.tsv: its columns are \['qid', 'name'\]; they must be"):
        read_facts(table(tmp_path, header="qid\tname"))


@pytest.mark.parametrize(
    ("second", "named"),
    [("Q1\tlobster\t\t\t\t", "the Q-id Q1"), ("Q2\tlobster\t\t\t\temoji:1F99E", "the concept emoji:1F99E")],
)
def test_duplicates_in_rows_are_named(tmp_path: Path, second: str, named: str) -> None:
    with pytest.raises(InputError, match=f"{named} is in 2 rows"):
        read_facts(table(tmp_path, GOOD, second))
