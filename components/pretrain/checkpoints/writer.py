"""Writes checkpoints asynchronously: a step copies tensors to host memory, a thread stores them."""

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
from components.pretrain.checkpoints.manifest import DIVERGED, FileDigest, Manifest, checkpoint_name, checkpoint_step
from components.pretrain.checkpoints.state import TrainingState, save_tensors
from components.pretrain.checkpoints.store import MANIFEST, CheckpointStore
from components.pretrain.step import collectives

logger = logging.getLogger(__name__)

# A failing worker waits this long for the others, which may be dead, to finish a checkpoint.
_EXIT_TIMEOUT = 30.0  # seconds
_SLOW_WAIT = 1.0  # seconds
# Raised by a full disk, missing write permission, or a bucket that does not answer.
_FAILURES = (OSError, SafetensorError, MofiError)


@dataclass(frozen=True)
class RetentionPolicy:
    """Keeps the newest `newest` checkpoints, and those of every `every`-th step (0 = none)."""

    newest: int
    every: int = 0

    def kept(self, steps: list[int]) -> set[int]:
        """The steps whose checkpoints are kept."""
        return set(sorted(steps)[-self.newest :]) | {step for step in steps if self.every and step % self.every == 0}


class CheckpointWriter:
    """Saves the states of one training; every worker calls the same methods at the same steps.

    Each worker writes its own files. When all of them are stored, the first worker writes the
    manifest, which makes the checkpoint complete. A checkpoint that cannot be written is logged and
    removed; training continues, and the previous checkpoint stays.
    """

    def __init__(self, store: CheckpointStore, config: Mapping[str, Any], policy: RetentionPolicy) -> None:
        self._store, self._config, self._policy = store, config, policy
        self._rank, self._workers = collectives.rank(), collectives.world_size()
        self._token: str = collectives.broadcast_from_first(uuid4().hex[:8])
        self._group = collectives.background_group()
        self._thread: threading.Thread | None = None
        self._failed = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        self.wait(None if kind is None or self._workers == 1 else _EXIT_TIMEOUT)

    def save(self, state: TrainingState, *, diverged: bool = False) -> str:
        """Copies the state once the previous save is done; a thread stores it. Returns its name."""
        began = time.monotonic()
        self.wait()
        waited = time.monotonic() - began
        if waited > _SLOW_WAIT and self._rank == 0:
            logger.warning(
                "step %d waited %.0f s for the previous checkpoint; raise pretrain.checkpoint_every", state.step, waited
            )
        files = {name: _copy_to_host(tensors) for name, tensors in state.files(self._rank).items()}
        name = checkpoint_name(state.step, self._token, diverged)
        manifest = Manifest(state.step, self._workers, self._config, state.skipped, list(state.curve), {})
        work = partial(self._write, name, files, manifest)
        # A daemon, since it may wait for a dead worker when this process is asked to exit.
        self._thread = threading.Thread(target=work, name="checkpoint", daemon=True)
        self._thread.start()
        return name

    def wait(self, seconds: float | None = None) -> None:
        """Blocks until the last save has succeeded or failed, for at most `seconds`."""
        if self._thread is not None:
            self._thread.join(seconds)

    def _write(self, name: str, files: dict[str, dict[str, Tensor]], manifest: Manifest) -> None:
        try:
            found: dict[str, FileDigest] | str = {
                file: FileDigest.of(self._store.put(name, file, partial(save_tensors, tensors)))
                for file, tensors in files.items()
            }
        except Exception as error:  # noqa: BLE001 - whatever it is, the other workers wait for this one's result
            found = f"worker {self._rank}: {type(error).__name__}: {error}"
        try:
            parts = collectives.all_gather_objects(found, self._group)
        except RuntimeError as error:
            logger.warning(
                "the checkpoint of step %d stays incomplete, since a worker is gone (%s)", manifest.step, error
            )
            return
        if self._rank == 0:
            self._complete(name, parts, manifest)
        self._store.drop_local_copies()

    def _complete(self, name: str, parts: list[dict[str, FileDigest] | str], manifest: Manifest) -> None:
        broken = [part for part in parts if isinstance(part, str)]
        whole = {file: part for found in parts if not isinstance(found, str) for file, part in found.items()}
        try:
            if not broken:
                text = replace(manifest, files=whole).to_json()
                self._store.put(name, MANIFEST, lambda path: _write_text(path, text))
        except _FAILURES as error:
            broken = [str(error)]
        if broken:
            self._failed += 1
            logger.warning(
                "the checkpoint of step %d could not be written (%s), failure %d in a row; training continues, and would "
                "resume from an earlier one",
                manifest.step,
                broken[0],
                self._failed,
            )
            with suppress(*_FAILURES):
                self._store.remove(name)
            return
        self._failed = 0
        try:
            for old in self._outdated(name, manifest.step):
                self._store.remove(old)
        except _FAILURES as error:
            logger.warning("an old checkpoint could not be removed (%s)", error)

    def _outdated(self, name: str, step: int) -> list[str]:
        """Checkpoints to delete: not kept, incomplete, or of later steps of a killed attempt."""
        listed = self._store.files()
        diverged = [old for old in listed if old.startswith(DIVERGED) and old != name]
        if name.startswith(DIVERGED):
            return diverged
        steps = {old: found for old in listed if (found := checkpoint_step(old)) is not None and old != name}
        whole = {old: at for old, at in steps.items() if MANIFEST in listed[old] and at < step}
        kept = self._policy.kept([*whole.values(), step])
        # Incomplete ones of this attempt are being written by workers that are ahead.
        return [
            old
            for old, at in steps.items()
            if (at not in kept if old in whole else MANIFEST in listed[old] or not old.endswith(self._token))
        ]


def delete_checkpoints(store: CheckpointStore, keep_every: int) -> None:
    """Deletes a finished training's checkpoints, except those of every `keep_every`-th step."""
    for name in store.files():
        step = checkpoint_step(name)
        if (step is not None and not (keep_every and step % keep_every == 0)) or name.startswith(DIVERGED):
            store.remove(name)


def _copy_to_host(tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """Copies of the tensors in host memory."""
    with torch.no_grad():
        return {
            name: torch.empty(tensor.shape, dtype=tensor.dtype).copy_(tensor.detach())
            for name, tensor in tensors.items()
        }


def _write_text(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
