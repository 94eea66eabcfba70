import json
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.console import Console
from typer.testing import CliRunner

from components.label.gold.file import read_gold
from components.label.gold.linker import GoldLinker
from components.label.gold.measures import is_capitalised
from components.label.gold.scores import score
from components.label.gold.table import table
from tests.label.gold.test_file import entry, label, write


@pytest.fixture
def scored(tmp_path, knowledge, knobs):
    def run(*lines, **changes):
        linker = GoldLinker(knowledge, knobs(none=-5.0, **changes))
        return score(read_gold(write(tmp_path, *lines), 1.0), linker, examples=3)

    return run


def kinds(errors):
    return {kind: found["count"] for kind, found in errors.items() if found["count"]}


def shares(step):
    return step["precision"], step["recall"], step["f1"]


def test_a_correctly_linked_text_has_full_scores(scored):
    figures = scored(entry("a crab and a dolphin", [label(2, 6, "Q3"), label(13, 20, "Q4")]))
    for step in ("mention_detection", "disambiguation", "end_to_end"):
        assert shares(figures[step]) == (1.0, 1.0, 1.0)
    assert not kinds(figures["missed"]) and not kinds(figures["wrong_links"])


def test_all_mentions_are_linked_not_only_the_subject(scored):
    assert (
        scored(entry("crab, cat, goat", [label(0, 4, "Q3"), label(6, 9, "Q17"), label(11, 15, "Q23")]))["end_to_end"][
            "recall"
        ]
        == 1.0
    )


def test_a_spurious_link_costs_precision(scored):
    figures = scored(entry("a crab and a cat", [label(2, 6, "Q3")]))
    assert shares(figures["end_to_end"])[:2] == (0.5, 1.0)
    assert shares(figures["mention_detection"])[:2] == (0.5, 1.0)
    assert shares(figures["disambiguation"])[:2] == (1.0, 1.0)
    assert kinds(figures["wrong_links"]) == {"spurious": 1}


def test_a_text_without_labels_can_only_lose_precision(scored):
    figures = scored(entry("a crab", []))
    assert shares(figures["end_to_end"]) == (0.0, None, 0.0)


def test_an_entity_that_the_knowledge_base_lacks_is_counted_and_named(scored):
    figures = scored(entry("a crab and a unicorn", [label(2, 6, "Q3"), label(13, 20, "Q7246")]))
    assert figures["missing_from_knowledge_base"] == 0.5
    assert figures["candidate_recall"] == {"all": 0.5, "in_knowledge_base": 1.0}
    assert kinds(figures["missed"]) == {"not_in_knowledge_base": 1}


def test_an_unknown_name_of_a_known_entity_has_no_candidate(scored):
    assert kinds(scored(entry("a brachyuran", [label(2, 12, "Q3")]))["missed"]) == {"no_candidate": 1}


def test_a_name_of_other_entities_is_distinguished_from_an_unknown_one(scored):
    figures = scored(entry("a crab", [label(2, 6, "Q4")]))
    assert kinds(figures["missed"]) == {"gold_not_candidate": 1}
    assert kinds(figures["wrong_links"]) == {"wrong_entity": 1}


def test_a_mention_with_other_boundaries_is_an_error_on_both_sides(scored):
    figures = scored(entry("cherry blossom time", [label(0, 6, "Q11")]))
    assert kinds(figures["missed"]) == {"wrong_boundary": 1}
    assert kinds(figures["wrong_links"]) == {"wrong_boundary": 1}


def test_a_known_name_that_was_not_found_is_undetected(scored):
    # Longer than the window of the finder, so only the gold's own span leads to it.
    assert kinds(scored(entry("Papua New Guinea", [label(0, 16, "Q18")]), max_words=1)["missed"]) == {"undetected": 1}


def test_a_wrong_candidate_is_both_a_missed_label_and_a_wrong_link(scored):
    figures = scored(entry("turkey, a large farm bird with feathers", [label(0, 6, "Q2")]))
    assert kinds(figures["missed"]) == {"wrong_candidate": 1}
    assert kinds(figures["wrong_links"])["wrong_entity"] == 1


def test_a_mention_below_the_least_probability_is_abstained_from(scored):
    figures = scored(entry("turkey", [label(0, 6, "Q1")]), min_probability=1.0)
    assert kinds(figures["missed"]) == {"abstained": 1}
    assert figures["disambiguation"]["given"] == 0 and figures["disambiguation"]["precision"] is None


def test_an_optional_label_counts_neither_way(scored):
    for text in ("a crab", "a brachyuran"):
        figures = scored(entry(text, [label(2, len(text), "Q3", optional=True)]))
        assert (figures["end_to_end"]["given"], figures["end_to_end"]["wanted"]) == (0, 0)
        assert figures["mention_detection"]["given"] == 0


def test_an_optional_label_that_is_linked_wrongly_is_a_wrong_link(scored):
    assert kinds(scored(entry("a crab", [label(2, 6, "Q4", optional=True)]))["wrong_links"]) == {"wrong_entity": 1}


def test_a_name_of_something_that_wikidata_lacks_must_not_be_linked(scored):
    figures = scored(entry("a crab", [label(2, 6, "Unknown")]))
    assert kinds(figures["wrong_links"]) == {"unknown_entity": 1}
    assert figures["disambiguation"]["given"] == 1 and figures["disambiguation"]["wanted"] == 0
    assert figures["mention_detection"]["given"] == 0


def test_mentions_outside_the_evaluated_part_do_not_count(scored):
    figures = scored(entry("a crab and a cat", [label(13, 16, "Q17")], evaluation_span=[10, 16]))
    assert figures["end_to_end"]["given"] == 1 and figures["end_to_end"]["precision"] == 1.0


def test_an_example_has_line_span_and_entities(scored):
    (example,) = scored(entry("a crab", [label(2, 6, "Q4")]))["missed"]["gold_not_candidate"]["examples"]
    assert (example["line"], example["span"], example["mention"]) == (1, [2, 6], "crab")
    assert (example["gold"], example["linked"]) == ("Q4 (dolphin)", "Q3 (crab)")


def test_examples_are_limited_and_counts_are_not(scored):
    errors = scored(*[entry("a crab", [label(2, 6, "Q4")])] * 5)["missed"]["gold_not_candidate"]
    assert errors["count"] == 5 and len(errors["examples"]) == 3


def test_what_is_left_out_is_part_of_the_figures(scored):
    figures = scored(entry("a crab", [label(2, 6, "crab")]), "{")
    assert (figures["texts"], figures["left_out"]) == (1, 1)
    assert figures["bad_lines"][0].startswith("line 2: not JSON")
    assert figures["stray_labels"] == ["line 1: `entity_id` of label 1 ('crab') is 'crab', which is no Q-id"]


@pytest.mark.parametrize("entity", ["<NO_MAPPING>", "crab"])
def test_a_span_of_which_nobody_knows_what_is_right_counts_neither_way(scored, entity):
    figures = scored(entry("a crab and a cat", [label(2, 6, entity), label(13, 16, "Q17")]))
    for step in ("mention_detection", "disambiguation", "end_to_end", "end_to_end_overlap"):
        assert (figures[step]["right"], figures[step]["given"], figures[step]["wanted"]) == (1, 1, 1)


def test_each_of_several_labels_of_a_span_is_right(scored):
    for entities in (("Q3", "Q4"), ("Q4", "Q3")):
        figures = scored(entry("a crab", [label(2, 6, entity) for entity in entities]))
        for step in ("disambiguation", "end_to_end", "end_to_end_overlap"):
            assert shares(figures[step]) == (1.0, 1.0, 1.0)
        assert figures["candidate_recall"]["all"] == 1.0 and figures["missing_from_knowledge_base"] == 0.0
    assert kinds(scored(entry("a crab", [label(2, 6, "Q4"), label(2, 6, "Q5")]))["wrong_links"]) == {"wrong_entity": 1}


def counted(score):
    return score["right"], score["given"], score["wanted"]


def test_with_overlap_counted_boundaries_do_not_matter(scored):
    figures = scored(entry("the cherry blossom time", [label(0, 18, "Q11")]))
    assert counted(figures["end_to_end"]) == (0, 1, 1)
    assert counted(figures["end_to_end_overlap"]) == (1, 1, 1)


@pytest.mark.parametrize(
    ("text", "labels", "expected"),
    [
        ("a crab", [label(0, 2, "Q3")], (0, 1, 1)),  # next to it
        ("a crab", [label(2, 4, "Q4")], (0, 1, 1)),  # another entity
        ("crab or crab", [label(0, 12, "Q3")], (1, 2, 1)),  # a label is found once
        ("crab or crab", [label(0, 5, "Q3"), label(5, 12, "Q3")], (2, 2, 2)),
        ("crab or crab", [label(0, 12, "Q3"), label(0, 5, "Q3")], (1, 2, 1)),  # the inner one is optional
        ("a crab", [label(0, 4, "Q3"), label(4, 6, "Q3")], (1, 1, 2)),  # a link finds one label
        ("a crab", [label(0, 4, "Q3", optional=True)], (0, 0, 0)),
        ("a crab", [label(0, 4, "Q4", optional=True)], (0, 1, 0)),
        ("a crab", [label(0, 4, "<NIL>")], (0, 1, 0)),
        ("a crab", [label(0, 4, "<NO_MAPPING>")], (0, 0, 0)),
    ],
)
def test_an_overlapping_link_is_right_if_its_entity_is(scored, text, labels, expected):
    assert counted(scored(entry(text, labels))["end_to_end_overlap"]) == expected


@pytest.mark.parametrize(
    ("surface", "expected"),
    [
        ("Japan", True),
        ("#Astros", True),
        ("1998 World Cup", True),
        ("“Émile”", True),
        ("日本", True),
        ("japan", False),
        ("the United States", False),
        ("iTunes", False),
        ("@alice", False),
        ("1999", False),
        ("☂", False),
    ],
)
def test_capitalised_is_what_has_a_capital_as_first_letter(surface, expected):
    assert is_capitalised(surface) is expected


def test_capitalised_mentions_are_scored_apart(scored):
    figures = scored(entry("a crab and a cat in Japan or Brazil", [label(20, 25, "Q5"), label(2, 6, "Q3")]))
    assert counted(figures["end_to_end"]) == (2, 4, 2)
    for step in ("mention_detection", "end_to_end", "end_to_end_overlap"):
        assert counted(figures["capitalised"][step]) == (1, 2, 1)
    assert counted(figures["capitalised"]["disambiguation"]) == (1, 1, 1)


def test_a_capitalised_link_within_a_label_in_lower_case_is_no_error(scored):
    figures = scored(entry("in the Brazil of today", [label(3, 13, "Q25")]))
    assert counted(figures["end_to_end_overlap"]) == (1, 1, 1)
    assert counted(figures["capitalised"]["end_to_end_overlap"]) == (0, 0, 0)


STEPS = ("mention_detection", "disambiguation", "end_to_end", "end_to_end_overlap")
WORDS = st.lists(
    st.sampled_from(["turkey", "Crab", "crab", "Python", "and", "cherry blossom", "unicorn", "🦀", "é"]), max_size=6
)


@settings(deadline=None, max_examples=40)
@given(data=st.data(), words=WORDS)
def test_errors_add_up_to_what_is_not_right(tmp_path_factory, knowledge, knobs, data, words):
    text = " ".join(["a", *words])
    places = st.integers(0, len(text) - 1).flatmap(lambda s: st.tuples(st.just(s), st.integers(s + 1, len(text))))
    ids = st.sampled_from(["Q1", "Q2", "Q3", "Q8", "Q999", "<NIL>", "<NO_MAPPING>", "stray"])
    spans = data.draw(st.lists(st.tuples(places, ids, st.booleans()), max_size=4))
    line = entry(text, [label(s, e, entity, optional=optional) for (s, e), entity, optional in spans])
    path = write(tmp_path_factory.mktemp("gold"), line)
    figures = score(read_gold(path, 1.0), GoldLinker(knowledge, knobs()), examples=1)
    whole = figures["end_to_end"]
    assert sum(kinds(figures["missed"]).values()) == whole["wanted"] - whole["right"]
    assert sum(kinds(figures["wrong_links"]).values()) == whole["given"] - whole["right"]
    exact, overlapping = figures["end_to_end"], figures["end_to_end_overlap"]
    assert overlapping["right"] >= exact["right"] and overlapping["wanted"] == exact["wanted"]
    for part, step in product((figures, figures["capitalised"]), STEPS):
        assert all(share is None or 0 <= share <= 1 for share in shares(part[step]))
        assert part[step]["wanted"] <= figures[step]["wanted"] and part[step]["given"] <= figures[step]["given"]


def test_text_that_looks_like_markup_is_shown_as_it_is(scored):
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table(scored(entry("[bold]crab[/red]", [label(0, 10, "Q4")]))))
    assert "“[bold]crab”" in capture.get()


def invoke(*arguments):
    from components.cli.main import app

    return CliRunner(env={"COLUMNS": "160"}).invoke(app, ["label", *map(str, arguments)])


def test_the_command_prints_and_writes_the_figures(tmp_path, knowledge):
    gold = write(tmp_path, entry("a crab", [label(2, 6, "Q3")]), "{")
    arguments = (gold, "--knowledge", knowledge, "--no-labels", "--out", tmp_path / "figures.json")
    result = invoke("evaluate", *arguments, "--max-left-out", "0.5")
    assert result.exit_code == 0, result.output
    assert result.output.startswith("1 of 2 texts left out:\nline 2: not JSON")
    assert "end to end" in result.output and "capitalised mentions" in result.output
    assert json.loads((tmp_path / "figures.json").read_text())["labels"] == 1


@pytest.mark.parametrize("command", ["evaluate", "fit"])
def test_a_command_fails_if_too_much_is_left_out(tmp_path, knowledge, command):
    gold = write(tmp_path, *[entry(f"a crab, number {n}", [label(2, 6)]) for n in range(9)], "{")
    result = invoke(command, gold, "--knowledge", knowledge, "--no-labels")
    assert result.exit_code != 0
    assert "1 of 10 texts would be left out" in str(result.exception)


def test_the_fit_says_first_what_is_left_out(tmp_path, knowledge):
    gold = write(tmp_path, *[entry(f"a crab, number {n}", [label(2, 6)]) for n in range(30)], "{")
    assert invoke("fit", gold, "--knowledge", knowledge, "--no-labels").output.startswith("1 of 31 texts left out:")
