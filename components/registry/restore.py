"""A promotion whose result was restored from DVC's cache, and its side effect in the registry."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InputError
from components.registry import tracking
from components.registry.parameters import PromoteParameters
from components.registry.promote import (
    benchmark_digest,
    give_alias,
    present_champion,
    register_version,
    registered_version,
)
from components.registry.provenance import digest
from components.storage.json_files import check_content

logger = logging.getLogger(__name__)

_RESULT = Path("metrics/promote.json")


@dataclass(frozen=True)
class _Promotion:
    promoted: bool
    recipe: str
    metric: str
    value: float
    sha256: str


def restore_promotion(
    result: Mapping[str, Any], parameters: PromoteParameters, models: Path, benchmark: Path
) -> str | None:
    """Registers the model that `metrics/promote.json` promoted, if the registry lacks it.

    DVC restores that file from its cache (in a clone, in an experiment's folder, or after a
    parameter is set back), and runs no side effect with it. The model gets the alias if nothing has
    it; another champion stays, since it may have been promoted later, by someone else.

    Returns:
        The version of the registered model that holds the promoted one; None if none was promoted.

    Raises:
        InputError: if the file is of another format, or the model is neither registered nor there.
        SetupError: if the registry does not answer.
    """
    check_content(_RESULT, result, _Promotion, "run `mofi promote` again")
    if not result["promoted"]:
        return None
    tracking.connect()
    with tracking.answering(), tracking.alone():
        return _restore(result, parameters, models, benchmark)


def _restore(result: Mapping[str, Any], parameters: PromoteParameters, models: Path, benchmark: Path) -> str:
    mark, recipe = str(result["sha256"]), str(result["recipe"])
    version = registered_version(parameters, mark)
    if version is None:
        _check_folder(models / recipe, mark)
        logger.info("the promotion was restored from a cache: %s is registered here too", models / recipe)
        version = register_version(parameters, models / recipe, recipe, mark)
    champion = present_champion(parameters)
    if champion is None or (champion.digest == mark and champion.version != str(version.version)):
        facts = {
            f"metric.{result['metric']}": f"{result['value']:.6f}",
            "benchmark": benchmark_digest(benchmark),
            "promoted.because": "metrics/promote.json says so: its result was restored from a cache",
        }
        known = version.tags or {}
        give_alias(parameters, version, {key: fact for key, fact in facts.items() if key not in known}, champion)
    elif champion.version != str(version.version):
        logger.warning(
            "metrics/promote.json promotes version %s of %s, but version %s is %s and stays so; run `mofi promote` to "
            "decide again",
            version.version,
            parameters.name,
            champion.version,
            parameters.alias,
        )
    return str(version.version)


def _check_folder(folder: Path, mark: str) -> None:
    if folder.is_dir() and digest(folder) == mark:
        return
    problem = "holds another model by now" if folder.is_dir() else "is missing"
    raise InputError(
        f"metrics/promote.json promotes {folder}, but it {problem}, and the registry has no copy; run "
        f"`dvc checkout {folder}` (`dvc pull {folder}` in a clone), or `mofi promote` to decide again"
    )
