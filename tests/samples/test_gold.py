"""The gold file of our sentences is consistent with the sample's knowledge base."""

import bz2
import json
from pathlib import Path

import pytest

from components.knowledge.base.names import normalise
from components.label.gold.file import Gold, read_gold
from components.label.text.mentions import singulars
from samples.knowledge import write_dump

GOLD = Path("samples/gold.jsonl")


@pytest.fixture(scope="module")
def gold() -> Gold:
    return read_gold(GOLD, max_left_out=0.0)


def test_every_line_is_right(gold):
    assert not gold.bad
    assert 60 <= len(gold.texts) <= 100
    assert len({text.text for text in gold.texts}) == len(gold.texts)


def test_spans_are_whole_words_without_blanks(gold):
    for text in gold.texts:
        for label in text.labels:
            before, after = text.text[: label.start][-1:], text.text[label.end :][:1]
            assert not before.isalnum() and not after.isalnum(), text
            assert text.text[label.start : label.end].strip() == text.text[label.start : label.end]


def test_there_are_texts_without_any_entity(gold):
    assert sum(1 for text in gold.texts if not text.labels) >= 5


@pytest.mark.parametrize("name", ["turkey", "python", "apple", "java", "orange", "bank", "bridge", "shell"])
def test_ambiguous_names_are_in_it(gold, name):
    surfaces = {text.text[m.start : m.end].lower() for text in gold.texts for m in text.labels}
    assert name in surfaces or f"{name}s" in surfaces


@pytest.mark.parametrize("name", ["turkey", "apple", "orange", "bank", "club", "rocket", "seal"])
def test_some_names_stand_for_two_things(gold, name):
    meant = {m.entity_id for text in gold.texts for m in text.labels if name in text.text[m.start : m.end].lower()}
    assert len(meant) > 1


@pytest.fixture(scope="module")
def names(modules: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, set[str]]:
    """The names of every entity of the sample's dump, normalised, by Q-id."""
    path = tmp_path_factory.mktemp("dump") / "knowledge.json.bz2"
    write_dump(path, modules)
    items = [json.loads(line.rstrip(",")) for line in bz2.decompress(path.read_bytes()).decode().splitlines()[1:-1]]
    return {
        item["id"]: {normalise(said["value"]) for said in (item["labels"]["en"], *item["aliases"].get("en", ()))}
        for item in items
    }


def test_every_entity_is_in_the_knowledge_base_under_the_name_that_the_text_uses(gold, names):
    for text in gold.texts:
        for label in text.labels:
            if label.entity_id is not None:
                name = normalise(text.text[label.start : label.end])
                assert names[label.entity_id] & {name, *singulars(name)}, (text.line, name, label.entity_id)
