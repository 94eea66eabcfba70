"""The manifest of a checkpoint: its files with their digests, and the config of its training."""

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
# For readers of the file: no other state decides how the training continues.
_RANDOMNESS = "every random number is drawn from (seed, step, rank)"
_POSITION = "the position in the data is the step; the learning rate follows from it"
_FACTS = ("step", "workers", "config", "skipped", "curve")
_NAME = re.compile(r"(\d{8,})-([0-9a-f]{8})")


@dataclass(frozen=True)
class FileDigest:
    """Size and SHA-256 of a file as it was written."""

    size: int
    sha256: str

    @classmethod
    def of(cls, path: Path) -> Self:
        """Reads the file once."""
        with path.open("rb") as stream:
            return cls(path.stat().st_size, hashlib.file_digest(stream, "sha256").hexdigest())


@dataclass(frozen=True)
class Manifest:
    """Written last, so a checkpoint without a manifest is incomplete.

    Attributes:
        step: finished steps.
        workers: the number of workers that wrote the checkpoint.
        config: what the training's result depends on (`Job.config`).
        skipped: undecodable pictures so far.
        curve: points of the training curve so far.
        files: the other files, by name.
    """

    step: int
    workers: int
    config: Mapping[str, Any]
    skipped: int
    curve: list[dict[str, float]]
    files: Mapping[str, FileDigest]

    def to_json(self) -> str:
        """The content of the manifest file."""
        header = {"format": FORMAT, "randomness": _RANDOMNESS, "position": _POSITION}
        return json.dumps(header | asdict(self), indent=1, sort_keys=True, allow_nan=False)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Parses what `to_json` returned.

        Raises:
            ValueError: if the text is not a manifest.
        """
        content = json.loads(text)
        try:
            if content["format"] != FORMAT:
                raise ValueError(f"its format is {content['format']}, not {FORMAT}")
            files = {name: FileDigest(**part) for name, part in content["files"].items()}
            if outside := [name for name in files if "/" in name or name in ("", ".", "..")]:
                raise ValueError(f"it names {outside[0][:200]!r}, which is no file of the checkpoint")
            return cls(**{name: content[name] for name in _FACTS}, files=files)
        except (KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"it is not a manifest ({error!r})") from error

    def mismatch(self, sizes: Mapping[str, int]) -> str | None:
        """A message on the first file that is missing or has another size; None if all fit."""
        for name, part in self.files.items():
            if sizes.get(name) != part.size:
                there = "is missing" if name not in sizes else f"has {sizes[name]} bytes"
                return f"{name} {there}; {part.size} bytes were written"
        return None


def checkpoint_name(step: int, token: str, diverged: bool = False) -> str:
    """The name of a checkpoint; `token` keeps repeated attempts from writing the same file."""
    return f"{DIVERGED if diverged else ''}{step:08d}-{token}"


def checkpoint_step(name: str) -> int | None:
    """The step of a checkpoint that can be resumed from; None for other names."""
    found = _NAME.fullmatch(name)
    return int(found[1]) if found else None


def check_same_training(name: str, found: Mapping[str, Any], wanted: Mapping[str, Any]) -> None:
    """Checks that a checkpoint was written with the config of this training.

    Raises:
        InputError: if the configs differ; the message lists every difference.
    """
    absent = "absent"
    keys = sorted(key for key in found.keys() | wanted.keys() if found.get(key, absent) != wanted.get(key, absent))
    if keys:
        differences = "; ".join(f"{k} was {found.get(k, absent)}, is {wanted.get(k, absent)}" for k in keys)
        raise InputError(
            f"the checkpoint {name} is of another training ({differences}); restore these values to resume it, or set "
            "pretrain.checkpoints (or --checkpoints) to another location"
        )
