"""New weights in a parameter file, with everything else in it as it was."""

import re
from collections.abc import Mapping
from pathlib import Path

from components.cli import parameters
from components.errors import ParameterError
from components.label.parameters import WeightParameters
from components.storage.atomic import new_file

_VALUE = re.compile(r"(?P<head>    (?P<name>[a-z_]+): *)(?P<value>[^\s#]+)(?P<space> *)(?P<comment>#.*)?")


def lines(weights: WeightParameters) -> str:
    """As they stand in params.yaml, below `label:`."""
    return "\n".join(["  weights:", *(f"    {name}: {value:g}" for name, value in weights.model_dump().items())])


def replace_weights(path: Path, weights: WeightParameters) -> None:
    """Puts the weights into the section `label` of a parameter file; all other lines stay.

    Raises:
        ParameterError: if the file does not hold one weight a line, as the repository's own does;
            it is left as it was.
    """
    present = parameters.load(path).label.weights.model_dump()
    changed = {name: f"{value:g}" for name, value in weights.model_dump().items() if value != present[name]}
    with new_file(path) as partial:
        # As bytes: reading text would turn line ends into this system's.
        partial.write_bytes(_replaced(path.read_bytes().decode(), changed).encode())
        if not _holds(partial, weights):
            raise ParameterError(
                f"{path}: label.weights does not have one weight per line; insert the printed lines by hand"
            )


def _holds(path: Path, weights: WeightParameters) -> bool:
    try:
        return parameters.load(path).label.weights == weights
    except ParameterError:
        return False


def _replaced(content: str, values: Mapping[str, str]) -> str:
    replaced = []
    section = block = ""
    for line in content.split("\n"):
        if re.match(r"[^\s#]", line):
            section, block = line.split(":")[0], ""
        elif re.match(r"  [^\s#]", line):
            block = line.strip().split(":")[0]
        found = _VALUE.fullmatch(line.rstrip("\r"))
        if (section, block) == ("label", "weights") and found and found["name"] in values:
            replaced.append(_line(found, values[found["name"]]) + ("\r" if line.endswith("\r") else ""))
        else:
            replaced.append(line)
    return "\n".join(replaced)


def _line(found: "re.Match[str]", value: str) -> str:
    """The comment stays in its column where the new value leaves room."""
    if not found["comment"]:
        return found["head"] + value
    width = len(found["value"]) + len(found["space"])
    return found["head"] + value.ljust(max(width, len(value) + 1)) + found["comment"]
