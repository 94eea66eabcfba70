"""A promotion that DVC restored from its cache, and its side effect."""

from pathlib import Path
from typing import Any

import mlflow
import pytest

from components.errors import InputError
from components.registry.parameters import PromoteParameters
from components.registry.promote import promote
from components.registry.restore import restore_promotion
from tests.registry.conftest import make_model
from tests.registry.test_promote import champion_of, measured


def forget() -> None:
    """As in a clone: the registry is empty."""
    mlflow.MlflowClient().delete_registered_model("mofi")


@pytest.fixture
def promoted(
    registry: Path,
    models: Path,
    benchmark: Path,
    parameters: PromoteParameters,
) -> dict[str, Any]:
    return promote(measured(), parameters, models, benchmark)


def test_the_model_is_registered_again_in_an_empty_registry(
    promoted: dict[str, Any],
    models: Path,
    benchmark: Path,
    parameters: PromoteParameters,
) -> None:
    forget()
    assert restore_promotion(promoted, parameters, models, benchmark) == "1"
    tags = champion_of(parameters).tags
    assert tags["sha256"] == promoted["sha256"]
    assert tags[f"metric.{parameters.metric}"] == "0.500000"
    assert "restored" in tags["promoted.because"]


def test_a_registered_model_gets_the_alias_and_keeps_its_tags_where_nothing_has_it(
    promoted: dict[str, Any],
    benchmark: Path,
    parameters: PromoteParameters,
    tmp_path: Path,
) -> None:
    because = champion_of(parameters).tags["promoted.because"]
    mlflow.MlflowClient().delete_registered_model_alias(parameters.name, parameters.alias)
    assert restore_promotion(promoted, parameters, tmp_path / "no models here", benchmark) == "1"
    assert champion_of(parameters).tags["promoted.because"] == because


def test_another_champion_stays(
    promoted: dict[str, Any],
    models: Path,
    benchmark: Path,
    parameters: PromoteParameters,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
) -> None:
    make_model(tmp_path / "new" / "multitask", "multitask", 9)
    promote(measured(multitask=0.6), parameters, tmp_path / "new", benchmark)
    before = champion_of(parameters)
    assert restore_promotion(promoted, parameters, models, benchmark) == "1"
    assert (champion_of(parameters).version, champion_of(parameters).tags) == (before.version, before.tags)
    assert "promotes version 1 of mofi, but version 2 is champion and stays so" in caplog.text


def test_a_promotion_that_the_registry_knows_changes_nothing(
    promoted: dict[str, Any],
    models: Path,
    benchmark: Path,
    parameters: PromoteParameters,
) -> None:
    before = champion_of(parameters)
    assert restore_promotion(promoted, parameters, models, benchmark) == str(before.version)
    assert champion_of(parameters).tags == before.tags


def test_a_refused_promotion_stays_refused(
    registry: Path,
    models: Path,
    benchmark: Path,
    parameters: PromoteParameters,
) -> None:
    refused = promote(measured(clip=0.45), parameters, models, benchmark)
    assert restore_promotion(refused, parameters, models, benchmark) is None
    assert mlflow.MlflowClient().search_registered_models() == []


def test_a_promoted_model_that_is_gone_is_named(
    promoted: dict[str, Any],
    benchmark: Path,
    parameters: PromoteParameters,
    tmp_path: Path,
) -> None:
    forget()
    with pytest.raises(InputError, match=r"promotes .*multitask, but it is missing.*dvc pull"):
        restore_promotion(promoted, parameters, tmp_path / "nowhere", benchmark)
    make_model(tmp_path / "other" / "multitask", "multitask", 9)
    with pytest.raises(InputError, match="another model"):
        restore_promotion(promoted, parameters, tmp_path / "other", benchmark)


@pytest.mark.parametrize("broken", [{}, [], None, {"promoted": True, "recipe": "multitask"}])
def test_a_file_of_another_format_is_named(
    broken: Any,
    models: Path,
    benchmark: Path,
    parameters: PromoteParameters,
) -> None:
    with pytest.raises(InputError, match=r"metrics/promote\.json does not hold .*; run `mofi promote` again"):
        restore_promotion(broken, parameters, models, benchmark)
