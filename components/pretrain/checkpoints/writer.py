"""Writes checkpoints beside the training: a step only copies tensors to host memory, a thread brings them to their place."""

import logging
import threading
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Self
from uuid import uuid4

import torch
from safetensors import SafetensorError
from torch import Tensor

from components.errors import MofiError
from components.pretrain.checkpoints.manifest import DIVERGED, Manifest, Part, name_of, step_of
from components.pretrain.checkpoints.state import TrainingState, save_tensors
from components.pretrain.checkpoints.store import MANIFEST, Depot
from components.pretrain.step import collectives

logger = logging.getLogger(__name__)

# A worker that fails does not wait longer for others, who may be dead, to finish a checkpoint with it.
_FAREWELL = 30.0
_NOTABLE = 1.0  # seconds
# What a full disk, a folder that may not be written or a silent bucket raises.
_FAILURES = (OSError, SafetensorError, MofiError)


@dataclass(frozen=True)
class Policy:
    """The newest `newest` checkpoints are kept, and for good those of every `every`-th step (0 = of none)."""

    newest: int
    every: int = 0

    def spared(self, steps: list[int]) -> set[int]:
        """Which of `steps` are kept."""
        return set(sorted(steps)[-self.newest :]) | {step for step in steps if self.every and step % self.every == 0}


class Keeper:
    """Saves the states of one training; every worker has one and calls the same methods at the same steps.

    Each worker writes its own files. Only when all of them are on disk the first worker writes the manifest, which makes them a
    checkpoint. One that cannot be written is told of and left out: the training goes on, and the one before it stays.
    """

    def __init__(self, depot: Depot, config: Mapping[str, Any], policy: Policy) -> None:
        self._depot, self._config, self._policy = depot, config, policy
        self._rank, self._workers = collectives.world()
        self._token: str = collectives.from_first(uuid4().hex[:8])
        self._group = collectives.side_group()
        self._thread: threading.Thread | None = None
        self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.wait(None if kind is None or self._workers == 1 else _FAREWELL)

    def save(self, state: TrainingState, *, diverged: bool = False) -> str:
        """Copies the state, after the one before is on disk, and returns the checkpoint's name; a thread does the rest."""
        began = time.monotonic()
        self.wait()
        waited = time.monotonic() - began
        if waited > _NOTABLE and self._rank == 0:
            logger.warning(
                "step %d waited %.0f s for the checkpoint before; raise pretrain.checkpoint_every", state.step, waited
            )
        files = {name: _copied(tensors) for name, tensors in state.parts(self._rank).items()}
        name = name_of(state.step, self._token, diverged)
        manifest = Manifest(state.step, self._workers, self._config, state.skipped, list(state.curve), {})
        work = partial(self._write, name, files, manifest)
        # A daemon, since it may wait for a worker that is dead while this process is told to end.
        self._thread = threading.Thread(target=work, name="checkpoint", daemon=True)
        self._thread.start()
        return name

    def wait(self, seconds: float | None = None) -> None:
        """Returns when what was saved is on disk, or has failed; at the latest after `seconds`."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _write(self, name: str, files: dict[str, dict[str, Tensor]], manifest: Manifest) -> None:
        try:
            found: dict[str, Part] | str = {
                file: Part.of(self._depot.put(name, file, partial(save_tensors, tensors)))
                for file, tensors in files.items()
            }
        except Exception as error:  # noqa: BLE001 - whatever it is, the others wait for this worker's word
            found = f"worker {self._rank}: {type(error).__name__}: {error}"
        try:
            parts = collectives.exchange(found, self._group)
        except RuntimeError as error:
            logger.warning(
                "the checkpoint of step %d stays unfinished, since a worker is gone (%s)", manifest.step, error
            )
            return
        if self._rank == 0:
            self._complete(name, parts, manifest)
        self._depot.clean()

    def _complete(self, name: str, parts: list[dict[str, Part] | str], manifest: Manifest) -> None:
        broken = [part for part in parts if isinstance(part, str)]
        whole = {file: part for found in parts if not isinstance(found, str) for file, part in found.items()}
        try:
            if not broken:
                text = replace(manifest, files=whole).to_json()
                self._depot.put(name, MANIFEST, lambda path: _write_text(path, text))
        except _FAILURES as error:
            broken = [str(error)]
        if broken:
            self._failed += 1
            logger.warning(
                "the checkpoint of step %d could not be written (%s), the %d. in a row; training goes on, and would be "
                "resumed from an earlier one",
                manifest.step,
                broken[0],
                self._failed,
            )
            with suppress(*_FAILURES):
                self._depot.remove(name)
            return
        self._failed = 0
        try:
            for old in self._superfluous(name, manifest.step):
                self._depot.remove(old)
        except _FAILURES as error:
            logger.warning("an old checkpoint could not be removed (%s)", error)

    def _superfluous(self, name: str, step: int) -> list[str]:
        """What the policy does not keep, what a killed attempt left half-written, and what one left of steps to come."""
        listed = self._depot.files()
        diverged = [old for old in listed if old.startswith(DIVERGED) and old != name]
        if name.startswith(DIVERGED):
            return diverged
        steps = {old: found for old in listed if (found := step_of(old)) is not None and old != name}
        whole = {old: at for old, at in steps.items() if MANIFEST in listed[old] and at < step}
        kept = self._policy.spared([*whole.values(), step])
        # Without manifest, those of this attempt are being written by workers that are ahead.
        return [
            old
            for old, at in steps.items()
            if (at not in kept if old in whole else MANIFEST in listed[old] or not old.endswith(self._token))
        ]


def clear(depot: Depot, every: int) -> None:
    """Removes the checkpoints of a training that is finished, but for those of every `every`-th step (0 = all go)."""
    for name in depot.files():
        step = step_of(name)
        if (step is not None and not (every and step % every == 0)) or name.startswith(DIVERGED):
            depot.remove(name)


def _copied(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """The same values in host memory of their own."""
    with torch.no_grad():
        return {
            name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
            for name, tensor in tensors.items()
        }


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
