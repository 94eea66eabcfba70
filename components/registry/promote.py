"""Gives the best recipe the champion's alias if it passes the gates, and records why."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import mlflow
from mlflow.entities.model_registry import ModelVersion
from mlflow.exceptions import MlflowException

from components.errors import InputError
from components.registry import model, tracking
from components.registry.parameters import PromoteParameters
from components.registry.provenance import digest, dvc_hash, git_commit
from components.registry.runs import stage_run

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Evaluation:
    """What a promotion reads of `metrics/evaluate.json`."""

    models: dict[str, dict[str, Any]]
    labels: dict[str, Any] = field(default_factory=dict)


RAW_PIXELS = "raw_pixels_"
PIXELS = (RAW_PIXELS, "centred_pixels_")


@dataclass(frozen=True)
class Gate:
    """One condition: what was measured, and what it must reach."""

    name: str
    value: float
    least: float

    @property
    def passed(self) -> bool:
        """Whether the value reaches the bar."""
        return self.value >= self.least

    def sentence(self) -> str:
        """For people."""
        return f"{self.name} is {self.value:.4f}, at least {self.least:.4f} is asked"


@dataclass(frozen=True)
class Champion:
    """What the registry says about the present champion."""

    version: str
    digest: str
    value: float
    benchmark: str


def lookup(measures: Mapping[str, Any], key: str, of: str) -> float:
    """A number below `models.OF` of the evaluation's metrics.

    Raises:
        InputError: if there is none.
    """
    value: Any = measures.get("models", {})
    for part in (of, *key.split(".")):
        if not isinstance(value, Mapping) or part not in value:
            raise InputError(
                f"metrics/evaluate.json has no number at models.{of}.{key}; run `mofi evaluate`, or fix "
                "promote.metric, promote.baseline or promote.candidates in params.yaml"
            )
        value = value[part]
    return _number(value, f"models.{of}.{key}")


def _number(value: object, place: str) -> float:
    """Raises InputError if a value of the metrics is no number."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise InputError(
            f"metrics/evaluate.json: {place} is {str(value)[:60]!r}, not a number; run `mofi evaluate` again"
        )
    return float(value)


def best_candidate(measures: Mapping[str, Any], parameters: PromoteParameters) -> tuple[str, float]:
    """The candidate with the highest metric; among equals, the first that params.yaml names."""
    values = {name: lookup(measures, parameters.metric, name) for name in parameters.candidates}
    best = max(values, key=lambda name: values[name])
    return best, values[best]


def gates(
    measures: Mapping[str, Any], parameters: PromoteParameters, value: float, champion: Champion | None, benchmark: str
) -> list[Gate]:
    """Every gate of params.yaml for a candidate's value of the metric.

    The present champion counts only if it was measured on the same benchmark: other pictures give
    other numbers.
    """
    floor, pixels = best_floor(measures, parameters, RAW_PIXELS)
    baseline = lookup(measures, parameters.metric, parameters.baseline)
    precision = _number(measures.get("labels", {}).get("precision") or 0.0, "labels.precision")
    found = [
        Gate(parameters.metric, value, parameters.least),
        Gate(f"its ratio to {parameters.baseline}", _ratio(value, baseline), parameters.least_over_baseline),
        Gate(f"its ratio to the floor {floor}", _ratio(value, pixels), parameters.least_over_raw_pixels),
        Gate("label precision", precision, parameters.least_label_precision),
    ]
    if champion is not None and champion.benchmark == benchmark:
        least = champion.value * (1 - parameters.largest_loss)
        found.append(Gate(f"{parameters.metric} against champion version {champion.version}", value, least))
    return found


def best_floor(
    measures: Mapping[str, Any], parameters: PromoteParameters, kinds: str | tuple[str, ...]
) -> tuple[str, float]:
    """The strongest floor of these names, and its metric; (`of raw pixels`, 0) without any."""
    names = [name for name in measures.get("models", {}) if name.startswith(kinds)]
    values = {name: lookup(measures, parameters.metric, name) for name in names}
    best = max(values, key=lambda name: values[name], default="")
    return (best, values[best]) if best else ("of raw pixels", 0.0)


def stronger_floor(measures: Mapping[str, Any], parameters: PromoteParameters, value: float) -> dict[str, Any] | None:
    """The floor of pixels that no gate asks for, if it is higher than the one that a gate does.

    Returns:
        Its name, its metric, and the candidate's ratio to it.
    """
    asked, strongest = (best_floor(measures, parameters, kinds) for kinds in (RAW_PIXELS, PIXELS))
    if strongest[1] <= asked[1]:
        return None
    return {"name": strongest[0], "value": strongest[1], "ratio": round(_ratio(value, strongest[1]), 4)}


def not_asked_text(floor: Mapping[str, Any]) -> str:
    """For people: what `stronger_floor` returned."""
    return (
        f"the strongest floor of pixels, {floor['name']}, has {floor['value']:.4f}: no gate asks for it, and the "
        f"ratio to it is {floor['ratio']:.4f}"
    )


def _ratio(value: float, other: float) -> float:
    return value / other if other > 0 else float("inf") if value > 0 else 0.0


def promote(
    measures: Mapping[str, Any], parameters: PromoteParameters, models: Path, benchmark: Path
) -> dict[str, Any]:
    """Promotes, or says why not; returns the content of `metrics/promote.json`.

    The same model bytes are never registered twice: promoting them again moves the alias at most.

    Raises:
        InputError: if the measures or the model folder are missing.
        SetupError: if the registry does not answer.
    """
    tracking.connect()
    with tracking.answering(), tracking.alone():
        return _promote(measures, parameters, models, benchmark)


def _promote(
    measures: Mapping[str, Any], parameters: PromoteParameters, models: Path, benchmark: Path
) -> dict[str, Any]:
    recipe, value = best_candidate(measures, parameters)
    model.read_card(models / recipe)
    champion = present_champion(parameters)
    mark, benchmark_mark = digest(models / recipe), benchmark_digest(benchmark)
    checked = gates(measures, parameters, value, champion, benchmark_mark)
    failed = [gate for gate in checked if not gate.passed]
    stronger = stronger_floor(measures, parameters, value)
    result: dict[str, Any] = {
        "promoted": not failed,
        "recipe": recipe,
        "metric": parameters.metric,
        "value": value,
        "gates": {gate.name: {"value": round(gate.value, 4), "least": round(gate.least, 4)} for gate in checked},
        "reasons": [gate.sentence() for gate in failed],
        "sha256": mark,
    }
    notes: list[str] = []
    if stronger is not None:
        result["stronger_floor"] = stronger
        notes = [not_asked_text(stronger)]
    if not failed:
        version = register_version(parameters, models / recipe, recipe, mark)
        facts = {
            f"metric.{parameters.metric}": f"{value:.6f}",
            "benchmark": benchmark_mark,
            "promoted.because": "; ".join([*(gate.sentence() for gate in checked), *notes]),
        }
        give_alias(parameters, version, facts, champion)
    return result


def benchmark_digest(folder: Path) -> str:
    """A benchmark's identity: DVC's hash if it has one, else the digest of all its files."""
    known = dvc_hash(folder)
    return known if known != "unversioned" else digest(folder)


def present_champion(parameters: PromoteParameters) -> Champion | None:
    """Who has the alias now, if anyone."""
    try:
        version = mlflow.MlflowClient().get_model_version_by_alias(parameters.name, parameters.alias)
    except MlflowException as error:
        if error.error_code in ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE"):
            return None
        raise
    tags = version.tags
    return Champion(
        str(version.version),
        tags.get(model.DIGEST_TAG, ""),
        float(tags.get(f"metric.{parameters.metric}", 0.0)),
        tags.get("benchmark", ""),
    )


def registered_version(parameters: PromoteParameters, mark: str) -> ModelVersion | None:
    """The newest registered version with this digest whose files are there, if there is one."""
    versions = mlflow.MlflowClient().search_model_versions(f"name = '{parameters.name}'")
    same = [version for version in versions if version.tags.get(model.DIGEST_TAG) == mark]
    return next((version for version in same if model.is_whole(version)), None)


def register_version(parameters: PromoteParameters, folder: Path, recipe: str, mark: str) -> ModelVersion:
    """The version with these bytes: a registered one, or a new one of the model that was logged."""
    known = registered_version(parameters, mark)
    if known is not None:
        logger.info("version %s of %s already holds this model", known.version, parameters.name)
        return known
    uri = model.find(mark)
    if uri is None:
        # A skipped training logs nothing, so after a restored cache the model is logged here; and
        # so is one whose files were lost.
        with stage_run("promote", parameters, inputs=[folder]) as run:
            uri = run.log_model(folder)
    return mlflow.register_model(uri, parameters.name, tags={model.DIGEST_TAG: mark, model.RECIPE_TAG: recipe})


def give_alias(
    parameters: PromoteParameters,
    version: ModelVersion,
    facts: Mapping[str, str],
    before: Champion | None,
) -> None:
    """Gives a version the alias and tags that say why; nothing if it has the alias already."""
    client = mlflow.MlflowClient()
    if before is not None and before.version == str(version.version):
        logger.info("version %s is %s already", version.version, parameters.alias)
        return
    audit = {
        **facts,
        "promoted.at": datetime.now(UTC).isoformat(timespec="seconds"),
        "promoted.over": f"version {before.version}" if before else "nothing",
        "promoted.from_run": version.run_id or "",
        "promoted.commit": git_commit()["mlflow.source.git.commit"],
    }
    for key, fact in audit.items():
        client.set_model_version_tag(parameters.name, str(version.version), key, fact)
    client.set_registered_model_alias(parameters.name, parameters.alias, str(version.version))
    logger.info("version %s of %s is now %s", version.version, parameters.name, parameters.alias)


def refuse_text(result: Mapping[str, Any]) -> str:
    """Why nothing was promoted, and what can be done."""
    reasons = "; ".join(result["reasons"])
    if not reasons:
        raise InputError("metrics/promote.json names no reason for its refusal; run `mofi promote` again")
    return (
        f"{result['recipe']} is not promoted: {reasons}. Train longer, fix the data, or change the gates "
        "under `promote` in params.yaml; `mofi report` shows what was measured"
    )
