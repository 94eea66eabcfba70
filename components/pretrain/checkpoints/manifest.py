"""What belongs to a checkpoint: its files with their digests, and the training that it is of."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Self

from components.errors import InputError

FORMAT = 1
DIVERGED = "diverged-"
# Nothing else decides what comes next: no generator has a state that could be lost.
_RANDOMNESS = "every random number is drawn from (seed, step, rank)"
_POSITION = "the position in the data is the step; the learning rate follows from it"
_FACTS = ("step", "workers", "config", "skipped", "curve")
_NAME = re.compile(r"(\d{8,})-([0-9a-f]{8})")


@dataclass(frozen=True)
class Part:
    """A file as it was written."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Reads the file once."""
        with path.open("rb") as stream:
            return cls(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True)
class Manifest:
    """The last file of a checkpoint: `step` finished steps, the last by `workers` workers, with the curve and the `skipped`
    pictures so far; `config` is the training's.
    """

    step: int
    workers: int
    config: Mapping[str, Any]
    skipped: int
    curve: list[dict[str, float]]
    files: Mapping[str, Part]

    def to_json(self) -> str:
        """The file's text."""
        said = {"format": FORMAT, "randomness": _RANDOMNESS, "position": _POSITION}
        return json.dumps(said | asdict(self), indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Reads what `to_json` gave.

        Raises:
            ValueError: if it is something else.
        """
        content = json.loads(text)
        try:
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']}, not {FORMAT}")
            files = {name: Part(**part) for name, part in content["files"].items()}
            return cls(**{name: content[name] for name in _FACTS}, files=files)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is no manifest ({error!r})") from error

    def problem(self, sizes: Mapping[str, int]) -> str | None:
        """What the files that lie there lack, or None."""
        for name, part in self.files.items():
            if sizes.get(name) != part.size:
                there = "is missing" if name not in sizes else f"has {sizes[name]} bytes"
                return f"{name} {there}; {part.size} bytes were written"
        return None


def name_of(step: int, token: str, diverged: bool = False) -> str:
    """A checkpoint's name; the token tells the attempts of one training apart, so that no two write one file."""
    return f"{DIVERGED if diverged else ''}{step:08d}-{token}"


def step_of(name: str) -> int | None:
    """The step of a checkpoint that a training goes on from; None for all else, the state of a diverged one included."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def refuse_other(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Compares the training that a checkpoint is of with the one that is to go on.

    Raises:
        InputError: if they differ, naming every value that does.
    """
    absent = "absent"
    keys = sorted(key for key in found.keys() | wanted.keys() if found.get(key, absent) != wanted.get(key, absent))
    if keys:
        differences = "; ".join(f"{k} was {found.get(k, absent)}, is {wanted.get(k, absent)}" for k in keys)
        raise InputError(
            f"the checkpoint {name} is of another training ({differences}); set it back to go on with that one, or name "
            "another place for this one's checkpoints (pretrain.checkpoints in params.yaml, or --checkpoints)"
        )
