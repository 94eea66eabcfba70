"""Gates, and what the registry holds after a promotion."""

from pathlib import Path
from typing import Any

import mlflow
import pytest

from components.errors import InputError
from components.registry.parameters import PromoteParameters
from components.registry.promote import Champion, gates, not_asked_text, promote, refuse_text, stronger_floor
from tests.registry.conftest import make_model


def measured(precision: float = 0.95, **values: float) -> dict[str, Any]:
    known = {"raw_pixels_8": 0.2, "raw_pixels_32": 0.15, "clip": 0.25, "supervised": 0.4, "multitask": 0.5} | values
    models = {name: {"retrieval": {"query_excluded": {"all": value}}} for name, value in known.items()}
    return {"models": models, "labels": {"precision": precision}}


def champion_of(parameters: PromoteParameters) -> Any:
    return mlflow.MlflowClient().get_model_version_by_alias(parameters.name, parameters.alias)


def test_the_best_candidate_becomes_champion_and_its_tags_say_why(
    registry: Path, models: Path, benchmark: Path, parameters: PromoteParameters
) -> None:
    result = promote(measured(), parameters, models, benchmark)
    assert result["promoted"]
    assert result["recipe"] == "multitask"
    tags = champion_of(parameters).tags
    assert tags["sha256"] == result["sha256"]
    assert "its ratio to clip is 2.0000" in tags["promoted.because"]
    assert tags["promoted.over"] == "nothing"
    assert tags["promoted.from_run"]
    assert tags["promoted.at"]


def test_promoting_the_same_bytes_again_makes_no_new_version(
    registry: Path, models: Path, benchmark: Path, parameters: PromoteParameters
) -> None:
    first = promote(measured(), parameters, models, benchmark)
    before = champion_of(parameters)
    assert promote(measured(), parameters, models, benchmark) == first | {"gates": promote_gates(first, parameters)}
    after = champion_of(parameters)
    assert (after.version, after.tags) == (before.version, before.tags)
    assert len(mlflow.MlflowClient().search_model_versions("name = 'mofi'")) == 1


def promote_gates(first: dict[str, Any], parameters: PromoteParameters) -> dict[str, Any]:
    """The second time the champion itself is a bar."""
    bar = {"value": first["value"], "least": round(first["value"] * (1 - parameters.largest_loss), 4)}
    return first["gates"] | {f"{parameters.metric} against champion version 1": bar}


def test_a_better_model_takes_the_alias_over(
    registry: Path, models: Path, benchmark: Path, parameters: PromoteParameters, tmp_path: Path
) -> None:
    promote(measured(), parameters, models, benchmark)
    make_model(tmp_path / "new" / "multitask", "multitask", 9)
    promote(measured(multitask=0.6), parameters, tmp_path / "new", benchmark)
    version = champion_of(parameters)
    assert str(version.version) == "2"
    assert version.tags["promoted.over"] == "version 1"


def test_a_refusal_leaves_the_registry_as_it_was_and_says_why(
    registry: Path, models: Path, benchmark: Path, parameters: PromoteParameters
) -> None:
    result = promote(measured(clip=0.45), parameters, models, benchmark)
    assert not result["promoted"]
    assert "its ratio to clip is 1.1111, at least 1.2000 is asked" in refuse_text(result)
    assert mlflow.MlflowClient().search_registered_models() == []


@pytest.mark.parametrize(
    ("measures", "word"),
    [
        (
            measured(multitask=0.1, supervised=0.19, clip=0.01, raw_pixels_8=0.01, raw_pixels_32=0.01),
            "query_excluded.all",
        ),
        (measured(raw_pixels_32=0.45), "its ratio to the floor raw_pixels_32"),
        (measured(precision=0.89), "label precision"),
    ],
)
def test_each_gate_refuses_on_its_own(measures: dict[str, Any], word: str, parameters: PromoteParameters) -> None:
    value = max(measures["models"][n]["retrieval"]["query_excluded"]["all"] for n in parameters.candidates)
    failed = [gate for gate in gates(measures, parameters, value, None, "b") if not gate.passed]
    assert [word in gate.name for gate in failed] == [True]


def test_a_challenger_that_is_worse_than_the_champion_is_refused(parameters: PromoteParameters) -> None:
    champion = Champion("3", "x", 0.52, "same")
    failed = [gate for gate in gates(measured(), parameters, 0.5, champion, "same") if not gate.passed]
    assert [gate.name for gate in failed] == ["retrieval.query_excluded.all against champion version 3"]


def test_a_champion_of_another_benchmark_is_no_bar(parameters: PromoteParameters) -> None:
    champion = Champion("3", "x", 0.9, "other")
    assert all(gate.passed for gate in gates(measured(), parameters, 0.5, champion, "same"))


def test_an_unknown_metric_is_an_error_that_names_the_key(
    registry: Path, models: Path, benchmark: Path, parameters: PromoteParameters
) -> None:
    wrong = parameters.model_copy(update={"metric": "retrieval.nonsense"})
    with pytest.raises(InputError, match=r"promote\.metric"):
        promote(measured(), wrong, models, benchmark)


def test_a_missing_model_folder_is_an_error(
    registry: Path, tmp_path: Path, benchmark: Path, parameters: PromoteParameters
) -> None:
    with pytest.raises(InputError, match="mofi pretrain multitask"):
        promote(measured(), parameters, tmp_path / "models", benchmark)


@pytest.mark.parametrize(
    ("measures", "name"),
    [
        (measured(), "its ratio to the floor raw_pixels_8"),
        (measured(raw_pixels_32=0.3), "its ratio to the floor raw_pixels_32"),
        (measured(centred_pixels_8=0.4), "its ratio to the floor raw_pixels_8"),
    ],
)
def test_the_gate_names_the_floor_that_it_uses(
    measures: dict[str, Any], name: str, parameters: PromoteParameters
) -> None:
    assert name in [gate.name for gate in gates(measures, parameters, 0.5, None, "b")]


def test_a_promotion_says_that_a_stronger_floor_is_not_asked(
    registry: Path, models: Path, benchmark: Path, parameters: PromoteParameters
) -> None:
    result = promote(measured(centred_pixels_8=0.4), parameters, models, benchmark)
    assert result["stronger_floor"] == {"name": "centred_pixels_8", "value": 0.4, "ratio": 1.25}
    sentence = not_asked_text(result["stronger_floor"])
    assert "centred_pixels_8, has 0.4000: no gate asks for it, and the ratio to it is 1.2500" in sentence
    assert champion_of(parameters).tags["promoted.because"].endswith(sentence)


@pytest.mark.parametrize("measures", [measured(), measured(centred_pixels_8=0.1), measured(centred_pixels_8=0.2)])
def test_where_the_gate_asks_for_the_strongest_floor_nothing_is_added(
    measures: dict[str, Any], parameters: PromoteParameters
) -> None:
    assert stronger_floor(measures, parameters, 0.5) is None
