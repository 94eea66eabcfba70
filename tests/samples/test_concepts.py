"""Grouping the icons of all sets into concepts, on the real packages."""

import re
from collections import Counter
from pathlib import Path

import pytest

from samples.concepts import (
    BRAND_SETS,
    EMOJI_SETS,
    FLAG_SETS,
    SETS,
    Concept,
    _brand_icons,
    all_concepts,
    foundry,
    held_out,
    icon_names,
    territory_code,
)

KEY = re.compile(r"emoji:[0-9A-F]{2,6}(-[0-9A-F]{2,6})*|flag:[A-Z]{2}(-[A-Z]{3})?|brand:[a-z0-9]+")


@pytest.fixture(scope="module")
def by_key(concepts: list[Concept]) -> dict[str, Concept]:
    return {concept.key: concept for concept in concepts}


def test_keys_are_unique_well_formed_and_in_order_of_domain(concepts: list[Concept]) -> None:
    keys = [concept.key for concept in concepts]
    assert len(set(keys)) == len(keys)
    assert all(KEY.fullmatch(key) for key in keys)
    assert concepts == sorted(concepts, key=lambda c: (c.domain, c.key))


def test_the_sample_is_as_large_as_it_is_meant_to_be(concepts: list[Concept]) -> None:
    assert len(concepts) >= 2_300
    assert sum(len(c.drawings) for c in concepts) >= 14_000
    domains = Counter(c.domain for c in concepts)
    assert domains["flags"] >= 250
    assert domains["brands"] >= 450
    assert len(domains) == 10


def test_every_drawing_is_an_icon_of_its_set_and_no_set_draws_a_concept_twice(
    modules: Path, concepts: list[Concept]
) -> None:
    icons = {art_set: set(icon_names(modules, art_set)) for art_set in SETS}
    for concept in concepts:
        sets = [drawing.art_set for drawing in concept.drawings]
        assert len(set(sets)) == len(sets) >= 4
        assert all(drawing.name in icons[drawing.art_set] for drawing in concept.drawings)


def test_a_domain_is_drawn_by_the_sets_that_draw_such_things(concepts: list[Concept]) -> None:
    for concept in concepts:
        sets = {drawing.art_set for drawing in concept.drawings}
        kind = concept.key.partition(":")[0]
        assert sets <= set({"emoji": EMOJI_SETS, "flag": EMOJI_SETS + FLAG_SETS, "brand": BRAND_SETS}[kind])


def test_fewer_drawings_are_enough_for_more_concepts(modules: Path, concepts: list[Concept]) -> None:
    three = {c.key for c in all_concepts(modules, 3)}
    assert three > {c.key for c in concepts}


@pytest.mark.parametrize(
    ("key", "label", "domain", "drawings"),
    [
        ("emoji:1F980", "crab", "animals-nature", 6),
        ("emoji:1F983", "turkey", "animals-nature", 6),
        ("flag:JP", "Japan", "flags", 9),
        ("flag:GB-ENG", "England", "flags", 5),
        ("brand:python", "Python", "brands", 8),
        ("brand:apple", "Apple", "brands", 7),
    ],
)
def test_known_concepts_have_their_names_and_drawings(
    by_key: dict[str, Concept], key: str, label: str, domain: str, drawings: int
) -> None:
    concept = by_key[key]
    assert (concept.label, concept.domain) == (label, domain)
    assert len(concept.drawings) >= drawings


def test_sets_that_name_their_icons_differently_meet_in_one_concept(by_key: dict[str, Concept]) -> None:
    names = {d.art_set: d.name for d in by_key["flag:JP"].drawings}
    assert len(set(names.values())) >= 3
    assert names["flag"] == "jp-4x3"
    assert {d.name for d in by_key["brand:python"].drawings} >= {"python", "file-type-python"}


@pytest.mark.parametrize(
    ("hexcode", "code"),
    [
        ("1F1EF-1F1F5", "JP"),
        ("1F3F4-E0067-E0062-E0065-E006E-E0067-E007F", "GB-ENG"),
        ("1F980", None),
        ("1F3F4", None),
        ("1F3F4-200D-2620-FE0F", None),
        ("1F468-1F3FB", None),
    ],
)
def test_flags_are_known_by_their_characters(hexcode: str, code: str | None) -> None:
    assert territory_code(hexcode) == code


def test_of_several_drawings_of_a_brand_the_mark_is_taken_not_the_written_name() -> None:
    names = ["python", "python-plain", "python-original", "python-wordmark", "python-original-wordmark"]
    assert _brand_icons(names, "devicon") == {"python": "python-original"}
    assert _brand_icons(["angular-icon", "angular"], "logos") == {"angular": "angular-icon"}
    assert _brand_icons(["folder-python", "file-type-python", "default-file"], "vscode-icons") == {
        "python": "file-type-python"
    }


# The benchmark's concepts


def test_a_quarter_of_the_concepts_is_held_out_in_every_large_domain(concepts: list[Concept]) -> None:
    shares = Counter(c.domain for c in concepts if held_out(c.key))
    for domain, number in Counter(c.domain for c in concepts).items():
        if number >= 100:
            assert 0.15 < shares[domain] / number < 0.35
    assert 0.22 < shares.total() / len(concepts) < 0.28


def test_what_is_held_out_never_changes() -> None:
    # The benchmark relies on this: a concept that was trained on must never become a query.
    keys = ("brand:python", "emoji:1F980", "emoji:1F983", "flag:FR", "flag:HM", "flag:JP", "flag:TD")
    assert [key for key in keys if held_out(key)] == ["emoji:1F983", "flag:HM", "flag:TD"]


def test_later_editions_belong_to_their_foundry() -> None:
    assert foundry("noto-v1") == foundry("noto")
    assert foundry("emojione-v1") == foundry("emojione")
    assert foundry("cif") == foundry("cib")
    assert foundry("twemoji") == "twemoji"
