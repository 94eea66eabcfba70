"""The figures of labels on public texts, on a base of six items."""

import pytest

from benchmarks.label.public.forms import FORMS, Name, draw_names, read_classes, score_forms
from benchmarks.label.public.gold import score_set
from benchmarks.label.public.linked import TextLinker
from components.cli import parameters
from components.label.gold.linker import GoldLinker
from samples.knowledge import Item
from tests.label.conftest import build_base
from tests.label.gold.test_file import entry, label, write

ITEMS = [
    Item("Q1", "turkey", "large farm bird", ("gobbler",), subclass_of=("Q9",)),
    Item("Q2", "Turkey", "country"),
    Item("Q3", "crab", "sea animal with claws", subclass_of=("Q9",)),
    Item("Q4", "ox", "too short a name", subclass_of=("Q9",)),
    Item("Q5", "dolphin", "no class below another"),
    Item("Q9", "animal", "living thing"),
]


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return build_base(tmp_path_factory.mktemp("public"), ITEMS)


@pytest.fixture(scope="module")
def linker(folder):
    return TextLinker(folder, parameters.load().label, [f"unrelated{n}" for n in range(1000)])


def test_only_nouns_that_one_item_stands_for_are_drawn(linker):
    assert draw_names(linker.base) == [Name("crab", frozenset({"Q3"}))]


def test_a_known_noun_is_labelled_in_every_form_but_with_a_modifier_as_rare_as_itself(linker):
    scores = score_forms(linker, [Name("crab", frozenset({"Q3"}))])
    expected = [(form, 0.0 if "brown" in form else 1.0) for form in FORMS]
    assert [(one.form, one.recall) for one in scores] == expected
    assert all(one.precision == one.recall for one in scores)


def test_another_entity_than_the_right_one_costs_precision_and_recall(linker):
    first = score_forms(linker, [Name("crab", frozenset({"Q3"})), Name("dolphin", frozenset({"Q4"}))])[0]
    assert (first.names, first.recall, first.precision) == (2, 0.5, 0.5)


def test_classes_without_an_item_of_that_name_do_not_count(linker, tmp_path):
    table = tmp_path / "classes.tsv"
    table.write_text("folder\tname\tentity_ids\na\tcrab\tQ3 Q77\nb\tlobster\tQ78\nc\tgobbler\tQ1\n", "utf-8")
    names = read_classes(table, linker.base)
    assert names == [Name("crab", frozenset({"Q3", "Q77"})), Name("gobbler", frozenset({"Q1"}))]


def test_a_gold_set_is_compared_with_the_likeliest_candidate(folder, tmp_path):
    gold = write(tmp_path, entry("a crab and a Turkey", [label(2, 6, "Q3"), label(13, 19, "Q1")]))
    found = score_set(gold, GoldLinker(folder, parameters.load().label))
    assert (found.spans, found.right, found.first, found.among) == (2, 1.0, 1.0, 1.0)
    assert found.difference == (0.0, 0.0)
