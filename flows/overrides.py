"""Another parameter file than the graph reads, as overrides of an experiment."""

import json
import shlex
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from components.cli import parameters
from components.errors import ParameterError
from components.storage.json_files import flatten


def refuse_other(path: Path) -> None:
    """dvc.yaml computes with params.yaml; says how to compute it with another file's values.

    Raises:
        ParameterError: with the command, or where no command can carry the values, with the keys.
    """
    here, there = (_flat(file) for file in (parameters.DEFAULT, path))
    changed = {key: value for key, value in there.items() if here.get(key) != value}
    if not changed:
        raise ParameterError(f"{path} holds the same values as {parameters.DEFAULT}; leave out --params")
    overrides = [f"{key}={json.dumps(value, ensure_ascii=False)}" for key, value in changed.items()]
    fix = (
        f"run its values as an experiment: dvc exp run {' '.join(f'-S {shlex.quote(one)}' for one in overrides)}"
        if _carries(overrides, there)
        else f"copy its values of {', '.join(changed)} into {parameters.DEFAULT}"
    )
    raise ParameterError(f"{path} is not the file that dvc.yaml reads, which is {parameters.DEFAULT}; {fix}")


def _flat(path: Path) -> dict[str, Any]:
    return dict(flatten(parameters.load(path).model_dump(mode="json")))


def _carries(overrides: list[str], wanted: dict[str, Any]) -> bool:
    """Whether DVC reads these values back; its grammar has no way to write some texts."""
    from dvc.utils.hydra import apply_overrides

    with TemporaryDirectory() as folder:
        tried = Path(folder) / parameters.DEFAULT.name
        tried.write_bytes(parameters.DEFAULT.read_bytes())
        try:
            apply_overrides(str(tried), overrides)
            return _flat(tried) == wanted
        except Exception:  # noqa: BLE001 - whatever its grammar does not know
            return False
