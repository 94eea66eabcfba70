"""The typed decoder and the generic one read the same items."""

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.knowledge.base.entity import Entity
from components.knowledge.build.item import INVALID, ItemReader, _decoder, _entity_of, _read_any
from tests.knowledge.build.test_dump import JSON, replaced
from tests.knowledge.conftest import ITEMS, claim

LANGUAGES = ("en", "zh-hans")
WIKIS = ("enwiki", "zh_hanswiki")
DECODERS = {n: _decoder(LANGUAGES[n:]) for n in range(2)}


def typed(line: bytes, first: int = 0) -> Entity | None:
    """None if it is not built as it should be."""
    try:
        return _entity_of(DECODERS[first].decode(line), WIKIS[first:])
    except msgspec.ValidationError:
        return None


@pytest.mark.parametrize("thing", ITEMS, ids=lambda thing: str(thing["id"]))
def test_well_formed_items_are_decoded(thing: dict[str, Any]) -> None:
    line = json.dumps(thing).encode()
    assert typed(line) == _read_any(line, LANGUAGES, WIKIS) is not None


@given(st.sampled_from(ITEMS), st.lists(st.integers(0, 9), max_size=7), JSON)
@settings(max_examples=600, deadline=None)
def test_the_typed_decoder_agrees_with_the_generic_one(thing: Any, path: list[int], value: Any) -> None:
    line = json.dumps(replaced(thing, path, value)).encode()
    found = typed(line)
    assert found is None or found == _read_any(line, LANGUAGES, WIKIS)


def test_a_language_is_read_whatever_its_code() -> None:
    thing = "zh-hans"
    labels = {"en": {"value": "fish"}, thing: {"language": thing, "value": "鱼"}}
    line = json.dumps({"id": "Q152", "labels": labels, "aliases": {thing: [{"value": "鱼类"}]}}).encode()
    found = typed(line, 1)
    assert found is not None
    assert (found.label, found.aliases) == ("鱼", ("鱼类",))
    assert ItemReader([thing], ()).read(line) == found


def test_parts_that_are_empty_are_lists_in_a_dump() -> None:
    empty = {"labels": {"en": {"value": "thing"}}, "descriptions": [], "aliases": [], "claims": [], "sitelinks": []}
    line = json.dumps({"id": "Q9"} | empty).encode()
    assert typed(line) == Entity("Q9", "thing", "", (), (), (), 0, "")


def test_a_part_that_is_wrong_is_left_out_and_the_others_are_kept() -> None:
    thing = {"id": "Q9", "labels": {"en": {"value": "thing"}}, "aliases": {"en": [7, {"value": "it"}]}}
    line = json.dumps(thing | {"claims": {"P31": [claim({"id": "Q1"})], "P18": [claim(7)]}}).encode()
    assert typed(line) is None
    assert ItemReader(["en"], ()).read(line) == Entity("Q9", "thing", "", ("it",), ("Q1",), (), 0, "")


@pytest.mark.parametrize("line", [b"", b"{", b'{"id": 7', b'{"id": "Q1"} {', b"\xff", b"[" * 100_000])
def test_what_is_no_json_is_invalid_either_way(line: bytes) -> None:
    assert ItemReader(["en"], ()).read(line) == INVALID


def test_the_first_language_that_has_a_label_gives_it_and_the_others_give_aliases() -> None:
    names = {"de": {"value": "Fisch"}, "mul": {"value": "pesce"}, "fr": {"value": "poisson"}}
    thing = {
        "id": "Q152",
        "labels": names,
        "descriptions": {"mul": {"value": "swims"}},
        "aliases": {"de": [{"value": "Fisch"}]},
    }
    thing["sitelinks"] = {"dewiki": {"site": "dewiki", "title": "Fische"}, "itwiki": {"title": "Pesce"}}
    found = ItemReader(["en", "mul", "de"], ()).read(json.dumps(thing).encode())
    assert found == Entity("Q152", "pesce", "swims", ("Fisch",), (), (), 2, "", "Fische")
