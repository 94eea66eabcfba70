"""Complete checkpoints, written so that a half-written one is never found: safetensors and JSON, no pickle."""

import fcntl
import json
import logging
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from safetensors import SafetensorError
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from components.errors import InputError
from components.pretrain import parallel
from components.pretrain.head import ClassTable
from components.pretrain.optimiser import Average, load_optimiser_state, optimiser_state

logger = logging.getLogger(__name__)

KEPT = 2
_STATE = "state.json"
_CLASSES = "classes-{:05d}-of-{:05d}.safetensors"


@dataclass
class TrainingState:
    """Everything that a step changes. `step` is the number of finished steps: it also is the position in the data and, since
    every random number is drawn from (seed, step), the state of all generators; the schedule follows from it too.
    """

    towers: nn.Module
    optimiser: torch.optim.AdamW
    table: ClassTable | None
    average: Average | None
    step: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)

    def tensors(self) -> dict[str, dict[str, Tensor]]:
        """File name → named tensors."""
        files = {
            "towers": dict(self.towers.state_dict()),
            "optimiser": optimiser_state(self.towers, self.optimiser),
        }
        if self.average is not None:
            files["average"] = self.average.tensors
        return files


def save(state: TrainingState, folder: Path) -> Path:
    """Writes `folder/STEP`, then drops all but the newest two; returns the folder written.

    Every worker calls it and writes its own classes; the first writes all else.
    """
    place = folder / f"{state.step:08d}"
    partial = folder / f"{place.name}.part"
    rank, workers = parallel.world()
    if rank == 0:
        shutil.rmtree(partial, ignore_errors=True)
        partial.mkdir(parents=True)
    parallel.wait()
    if state.table is not None:
        save_tensors(state.table.state(), partial / _CLASSES.format(rank, workers))
    parallel.wait()
    if rank:
        return place
    for name, tensors in state.tensors().items():
        save_tensors(tensors, partial / f"{name}.safetensors")
    _write(partial / _STATE, json.dumps({"step": state.step, "curve": state.curve}))
    shutil.rmtree(place, ignore_errors=True)
    partial.rename(place)
    _synchronise(folder)
    for old in finished(folder)[:-KEPT]:
        shutil.rmtree(old)
    return place


def finished(folder: Path) -> list[Path]:
    """Complete checkpoints, oldest first."""
    return sorted(p for p in folder.glob("*") if p.name.isdigit() and (p / _STATE).exists())


def resume(state: TrainingState, folder: Path) -> bool:
    """Loads the newest checkpoint, if there is one, into `state`.

    Raises:
        InputError: if its files are damaged.
    """
    found = finished(folder)
    if not found:
        return False
    place = found[-1]
    try:
        _load(state, place)
    except (SafetensorError, OSError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"the checkpoint {place} cannot be read ({error}); delete that folder to go on from an earlier one"
        ) from error
    return True


def _load(state: TrainingState, place: Path) -> None:
    content: dict[str, Any] = json.loads((place / _STATE).read_text(encoding="utf-8"))
    state.towers.load_state_dict(load_file(place / "towers.safetensors"))
    load_optimiser_state(state.towers, state.optimiser, load_file(place / "optimiser.safetensors"))
    if state.table is not None:
        # A glob finds how many workers wrote; the names then say which file is missing.
        workers = len(list(place.glob(_CLASSES.format(0, 0).replace("00000", "*"))))
        state.table.load([load_file(place / _CLASSES.format(rank, workers)) for rank in range(workers)])
    if state.average is not None:
        state.average.load(load_file(place / "average.safetensors"))
    state.step, state.curve = content["step"], content["curve"]


@contextmanager
def only_writer(work: Path, rank: int) -> Iterator[None]:
    """While the first worker is inside, no other training writes to `work`.

    When a driver is killed and started again at once, the worker of before may live for a moment longer.
    """
    if rank != 0:
        yield
        return
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Writes one safetensors file, on disk when the call returns; the same tensors give the same bytes."""
    plain = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    save_file(plain, path, metadata={"format": "pt"})
    _synchronise(path)


def _write(path: Path, text: str) -> None:
    path.write_text(text, encoding="utf-8")
    _synchronise(path)


def _synchronise(path: Path) -> None:
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
