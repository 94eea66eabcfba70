import shutil

import pytest
from rich.console import Console
from typer.testing import CliRunner

from components.errors import InputError
from components.label.explain import explain_text, table


def explained(text, knowledge, parameters, context=""):
    return explain_text(text, context, "", knowledge, None, parameters)


def shown(explanation, knowledge) -> str:
    console = Console(width=160)
    with console.capture() as capture:
        console.print(table(explanation, knowledge))
    return capture.get()


def test_every_candidate_is_explained(knowledge, knobs):
    output = shown(explained("turkey", knowledge, knobs(none=-5.0), "a country in Asia"), knowledge)
    assert "Q2" in output and "Turkey, country of the world in Asia and Europe" in output and "kept" in output
    assert "Q1" in output and "rival" in output
    assert output.rstrip().endswith("→ Q2")


def test_the_context_changes_the_winner(knowledge, knobs):
    outcomes = [
        explained("turkey", knowledge, knobs(none=-5.0), context).label.entities
        for context in ("a large farm bird with feathers", "a country in Asia and Europe")
    ]
    assert outcomes == [("Q1",), ("Q2",)]


def test_each_candidate_is_shown_with_the_parts_of_its_score_and_their_sum(knowledge, knobs):
    explanation = explained("turkey", knowledge, knobs(none=-5.0), "a country in Asia")
    output = shown(explanation, knowledge)
    (found,) = explanation.evidence
    decisions = {d.entity_id: d for d in explanation.label.decisions}
    parts, log_odds = found.parts(explanation.weights), found.log_odds(explanation.weights)
    for n, entity in enumerate(("Q1", "Q2")):
        cells = next(line for line in output.splitlines() if line.strip().startswith(entity)).split()
        numbers = [f"{parts[name][n]:.2f}" for name in ("prior", "text", "page", "coherence", "case")]
        assert cells[-8:-1] == [*numbers, f"{log_odds[n]:.2f}", f"{decisions[entity].text_score:.3f}"]


def test_the_winner_of_a_mention_is_named_even_where_the_mention_is_dropped(knowledge, knobs):
    output = shown(explained("no crab", knowledge, knobs(none=-5.0)), knowledge)
    assert "“crab” at 3-7, coverage 0.00, means Q3" in output


def test_a_text_without_a_known_name_is_reported_as_such(knowledge, knobs):
    output = shown(explained("nothing known", knowledge, knobs()), knowledge)
    assert "no known name in this text" in output


def test_a_dropped_name_is_reported_as_no_entity(knowledge, knobs):
    output = shown(explained("no crab", knowledge, knobs()), knowledge)
    assert "modifier" in output and "no entity" in output


def test_text_that_looks_like_markup_is_shown_as_it_is(knowledge, knobs):
    output = shown(explained("[bold]crab[/red]", knowledge, knobs()), knowledge)
    assert "[bold]crab[/red]" in output


def test_a_missing_knowledge_base_is_reported_with_the_command(tmp_path, knobs):
    with pytest.raises(InputError, match="mofi knowledge build"):
        explained("crab", tmp_path / "nowhere", knobs())


@pytest.mark.parametrize("width", [60, 80, 160])
def test_what_a_candidate_is_is_not_squeezed(knowledge, knobs, width):
    console = Console(width=width)
    with console.capture() as capture:
        console.print(table(explained("turkey", knowledge, knobs(none=-5.0)), knowledge))
    assert "  Q1: turkey, large farm bird, an animal with feathers" in capture.get().splitlines()
    assert "…" not in capture.get()


@pytest.mark.parametrize("arguments", [[], ["crab", "--key", "0"], ["--key", "0", "--site", "a.example"]])
def test_the_command_takes_a_text_or_a_key(arguments):
    from components.cli.main import app

    result = CliRunner().invoke(app, ["label", "explain", *arguments])
    assert result.exit_code != 0
    assert "--key" in str(result.exception) + result.output


def test_the_command_explains_a_text(knowledge, tmp_path):
    from components.cli.main import app

    shutil.copy("params.yaml", tmp_path)
    result = CliRunner().invoke(
        app,
        [
            "label",
            "explain",
            "a crab",
            "--knowledge",
            str(knowledge),
            "--no-labels",
            "--params",
            str(tmp_path / "params.yaml"),
        ],
    )
    assert result.exit_code == 0, result.output
    assert "Q3" in result.output
