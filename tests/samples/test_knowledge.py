"""The sample's knowledge base: real items from three sources in the format of the dump."""

import bz2
import json
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from components.knowledge.base.entity import Entity
from components.knowledge.build.dump import blocks
from components.knowledge.build.parse import read_items
from components.knowledge.parameters import KnowledgeParameters
from samples.facts import read_facts
from samples.knowledge import Item, _merge, as_dump, territory_entities, write_dump


@pytest.fixture(scope="module")
def dump(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("dump") / "deep" / "knowledge.json.bz2"
    write_dump(path, modules)
    return path


@pytest.fixture(scope="module")
def items(dump: Path) -> dict[str, Entity]:
    knobs = KnowledgeParameters(
        languages=["en"],
        anchor_smoothing=10,
        exclude_classes=[],
        max_name_length=120,
        prior_smoothing=1,
        max_error_share=0,
        embedding_size=2,
        embedding_sample=10,
        seed=0,
    )
    counts: Counter[str] = Counter()
    found = {item.entity_id: item for block in blocks(str(dump), 1 << 20) for item in read_items(block, knobs, counts)}
    assert counts["kept"] == counts["lines"] == len(found)
    return found


def test_the_dump_is_laid_out_as_wikidatas(dump: Path) -> None:
    lines = bz2.decompress(dump.read_bytes()).decode().splitlines()
    assert (lines[0], lines[-1]) == ("[", "]")
    assert all(line.endswith("},") for line in lines[1:-2])
    assert not lines[-2].endswith(",")
    first = json.loads(lines[1][:-1])
    assert set(first) == {"type", "id", "labels", "descriptions", "aliases", "claims", "sitelinks"}
    numbers = [int(json.loads(line.rstrip(","))["id"][1:]) for line in lines[1:-1]]
    assert numbers == sorted(set(numbers))


def test_it_is_as_large_as_it_is_meant_to_be_and_holds_all_facts(items: dict[str, Entity]) -> None:
    assert len(items) >= 28_500
    assert {fact.qid for fact in read_facts()} <= items.keys()


def test_territories_are_included_under_their_usual_names(modules: Path, items: dict[str, Entity]) -> None:
    entities = territory_entities(modules)
    assert len(entities) >= 250
    assert set(entities.values()) <= items.keys()
    japan = items[entities["flag:JP"]]
    assert (japan.entity_id, japan.label) == ("Q17", "Japan")
    assert {"flag of Japan", "JP"} <= set(japan.aliases)


def test_our_facts_take_precedence_over_other_sources() -> None:
    ours = Item("Q1", "crab", "", ("crabs",), (), ("Q2",))
    theirs = Item("Q1", "Crab!", "a shop", ("crab", "crabs", "the crab"), ("Q3",), ("Q4",))
    merged = _merge(ours, theirs)
    assert (merged.label, merged.description, merged.aliases) == ("crab", "a shop", ("crabs", "Crab!", "the crab"))
    assert (merged.instance_of, merged.subclass_of) == (("Q3",), ("Q2",))


def test_kinds_are_subclasses_and_single_things_instances(items: dict[str, Entity]) -> None:
    for fact in read_facts():
        single = any(key.startswith(("brand:", "flag:")) for key in fact.depicts)
        parents = items[fact.qid].instance_of if single else items[fact.qid].subclass_of
        assert fact.parent_qid in (*parents, ""), fact


def test_a_claim_is_written_as_wikidata_writes_it() -> None:
    claims: dict[str, Any] = as_dump(Item("Q1", "crab", instance_of=("Q2",)))["claims"]
    snak = claims["P31"][0]["mainsnak"]
    assert snak["datavalue"]["value"] == {"entity-type": "item", "numeric-id": 2, "id": "Q2"}
    assert "P279" not in claims


def test_a_second_dump_has_the_same_bytes(modules: Path, dump: Path, tmp_path: Path) -> None:
    assert write_dump(tmp_path / "again.bz2", modules) >= 28_500
    assert (tmp_path / "again.bz2").read_bytes() == dump.read_bytes()
