"""Reading a dump: every line is counted, whatever it holds; a dump that is cut is an error."""

import bz2
import copy
import gzip
import json
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import InputError
from components.knowledge.base.entity import Entity
from components.knowledge.build.dump import blocks
from components.knowledge.build.parse import read_items
from components.knowledge.parameters import KnowledgeParameters
from tests.knowledge.conftest import ITEMS, claim, item, lines_of

# As compressors write them: one after the other, in several parts.
PACK: dict[str, Callable[[bytes], bytes]] = {
    "": lambda data: data,
    ".bz2": lambda data: bz2.compress(data[:700]) + bz2.compress(data[700:]),
    ".gz": lambda data: gzip.compress(data[:700]) + gzip.compress(data[700:]),
    ".zst": lambda data: zstandard.compress(data[:700]) + zstandard.compress(data[700:]),
}


def read(path: Path, knobs: KnowledgeParameters) -> tuple[list[Entity], Counter[str]]:
    counts: Counter[str] = Counter()
    return [item for block in blocks(str(path), 1000) for item in read_items(block, knobs, counts)], counts


def reading(items: list[Any], folder: Path, knobs: KnowledgeParameters) -> tuple[list[Entity], Counter[str]]:
    path = folder / "dump.json"
    path.write_bytes(lines_of(items))
    return read(path, knobs)


def one(thing: dict[str, Any], folder: Path, knobs: KnowledgeParameters) -> Entity:
    return reading([thing], folder, knobs)[0][0]


# What is read


def test_an_items_parts_are_read(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    turkey = one(ITEMS[1], tmp_path, knobs)
    assert turkey == Entity(
        entity_id="Q848706",
        label="turkey",
        description="large ground-feeding bird",
        aliases=("wild turkey",),
        instance_of=(),
        subclass_of=("Q5113",),
        sitelinks=99,
        image="T.jpg",
    )


@pytest.mark.parametrize("ending", PACK)
def test_every_compression_gives_the_same_items(tmp_path: Path, knobs: KnowledgeParameters, ending: str) -> None:
    plain = reading(ITEMS, tmp_path, knobs)
    path = tmp_path / f"other.json{ending}"
    path.write_bytes(PACK[ending](lines_of(ITEMS)))
    assert read(path, knobs) == plain


def test_lines_without_brackets_are_a_dump_too(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    path = tmp_path / "lines.json"
    path.write_text("".join(json.dumps(i) + "\n" for i in ITEMS) + "\n\n")
    assert read(path, knobs) == reading(ITEMS, tmp_path, knobs)


def test_every_dropped_line_is_counted_by_reason(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    lines = [*ITEMS, {"id": "P31", "type": "property"}, {"id": "L7"}, item("Q9", ""), {"id": "Q8"}, {"no": "id"}, 7]
    _, counts = reading(lines, tmp_path, knobs)
    assert counts == {"lines": 15, "kept": 8, "excluded_class": 1, "no_item": 2, "no_label": 2, "no_entity": 2}


def test_another_language_has_other_names(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    bird = copy.deepcopy(ITEMS[2])
    bird["labels"]["de"] = {"language": "de", "value": "Vögel"}
    found, counts = reading([bird, ITEMS[0]], tmp_path, knobs.model_copy(update={"languages": ["de"]}))
    assert [(i.label, i.description, i.aliases) for i in found] == [("Vögel", "", ())]
    assert counts["no_label"] == 1


def test_deprecated_statements_do_not_count(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    thing = item("Q9", "thing")
    thing["claims"] = {"P31": [claim({"id": "Q4167410"}, "deprecated"), claim({"id": "Q1"}), claim({"id": "Q1"})]}
    assert one(thing, tmp_path, knobs).instance_of == ("Q1",)


# Hostile items

UNKNOWN = {"mainsnak": {"snaktype": "somevalue", "property": "P31"}, "rank": "normal"}


@pytest.mark.parametrize(
    "change",
    [
        {"claims": {"P31": [UNKNOWN, {"mainsnak": None}, None, 7, {}]}},
        {"claims": {"P31": None, "P279": {}, "P18": [claim({"id": "Q1"}), claim(None)]}},
        {"claims": [1, 2], "aliases": [1], "descriptions": "words", "sitelinks": 3},
        {"claims": None, "aliases": None, "descriptions": None, "sitelinks": None},
        {"aliases": {"en": [None, {}, {"value": None}, {"value": ""}, "x"]}, "descriptions": {"en": []}},
        {"aliases": {"en": {"value": "x"}}, "descriptions": {"en": {"value": ["x"]}}},
    ],
)
def test_an_item_with_broken_parts_is_kept_without_them(
    tmp_path: Path, knobs: KnowledgeParameters, change: dict[str, Any]
) -> None:
    assert one({"id": "Q9", "labels": {"en": {"value": "thing"}}} | change, tmp_path, knobs) == Entity(
        "Q9", "thing", "", (), (), (), 0, "", ""
    )


@pytest.mark.parametrize(
    "labels", [None, [], "thing", {"en": "thing"}, {"en": None}, {"en": {"value": None}}, {"de": {}}]
)
def test_a_label_that_is_no_text_is_no_label(tmp_path: Path, knobs: KnowledgeParameters, labels: Any) -> None:
    assert reading([{"id": "Q9", "labels": labels}], tmp_path, knobs) == ([], {"lines": 1, "no_label": 1})


@pytest.mark.parametrize("entity_id", [None, 7, "", "Q", "Q0", "Q1a", "Q-1", "q1", "Q٣", "Q" + "9" * 5000, ["Q1"]])
def test_what_has_no_id_of_wikidata_is_no_entity(tmp_path: Path, knobs: KnowledgeParameters, entity_id: Any) -> None:
    thing = {"id": entity_id, "labels": {"en": {"value": "thing"}}}
    assert reading([thing], tmp_path, knobs) == ([], {"lines": 1, "no_entity": 1})


@pytest.mark.parametrize("line", [b"{", b'{"id": "Q1"', b"\xff\xfe", b'{"id": "\\ud800"}', b"[" * 5000, b"nonsense"])
def test_a_line_that_is_no_json_is_counted(tmp_path: Path, knobs: KnowledgeParameters, line: bytes) -> None:
    (tmp_path / "dump.json").write_bytes(b"[\n" + line + b"\n]\n")
    assert read(tmp_path / "dump.json", knobs)[1] == {"lines": 1, "invalid_json": 1}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Q5", "x" * 10_000]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["en", "value", "id", "mainsnak"]), inner)
    ),
    max_leaves=6,
)


def replaced(thing: Any, path: list[int], value: Any) -> Any:
    """`thing` with the part that a path of numbers leads to replaced."""
    if not path or not isinstance(thing, dict | list) or not thing:
        return value
    keys = list(thing) if isinstance(thing, dict) else list(range(len(thing)))
    key = keys[path[0] % len(keys)]
    changed = copy.copy(thing)
    changed[key] = replaced(thing[key], path[1:], value)
    return changed


@given(st.sampled_from(ITEMS), st.lists(st.integers(0, 9), max_size=7), JSON)
@settings(max_examples=400, deadline=None)
def test_any_item_is_counted(
    tmp_path_factory: pytest.TempPathFactory, knobs: KnowledgeParameters, thing: Any, path: list[int], value: Any
) -> None:
    folder = tmp_path_factory.getbasetemp()
    found, counts = reading([replaced(thing, path, value)], folder, knobs)
    assert counts["lines"] == counts.total() - counts["lines"] == 1
    for kept in found:
        assert isinstance(kept.label, str)
        assert all(isinstance(alias, str) and alias for alias in kept.aliases)


# Dumps that cannot be used


@pytest.mark.parametrize("ending", PACK)
def test_a_truncated_dump_is_an_error(tmp_path: Path, knobs: KnowledgeParameters, ending: str) -> None:
    whole = PACK[ending](lines_of(ITEMS * 20))
    for share in (0.4, 0.98):
        path = tmp_path / f"cut.json{ending}"
        path.write_bytes(whole[: int(len(whole) * share)])
        with pytest.raises(InputError, match=r"cut\.json.* truncated"):
            read(path, knobs)


@pytest.mark.parametrize("ending", [".bz2", ".gz", ".zst"])
def test_bytes_that_are_not_compressed_are_an_error(tmp_path: Path, knobs: KnowledgeParameters, ending: str) -> None:
    path = tmp_path / f"plain.json{ending}"
    path.write_bytes(lines_of(ITEMS))
    with pytest.raises(InputError, match=r"plain\.json.* cannot be read to its end"):
        read(path, knobs)


def test_many_properties_are_no_mistake(tmp_path: Path, knobs: KnowledgeParameters) -> None:
    assert reading([{"id": f"P{n}"} for n in range(1, 200)], tmp_path, knobs)[1]["no_item"] == 199


def test_a_missing_dump_and_one_of_another_kind_are_reported_with_the_fix(
    tmp_path: Path, knobs: KnowledgeParameters
) -> None:
    with pytest.raises(InputError, match=r"no\.json is missing; name a Wikidata JSON dump with --dump"):
        read(tmp_path / "no.json", knobs)
    (tmp_path / "dump.xml").touch()
    with pytest.raises(InputError, match=r"ends in '\.xml'; a dump ends in \.json"):
        read(tmp_path / "dump.xml", knobs)
