"""What a checkpoint holds, and its files: safetensors and JSON, no pickle."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from components.pretrain.step.class_table import ClassTable
from components.pretrain.step.optimiser import Average, optimiser_state
from components.storage.atomic import synchronise
from components.storage.file_lock import locked

TOWERS, OPTIMISER, AVERAGE = "towers.safetensors", "optimiser.safetensors", "average.safetensors"


@dataclass
class TrainingState:
    """Everything that a step changes. `skipped` counts pictures of all steps that could not be decoded, and that others stood in
    for. `step` is the number of finished steps: it also is the position in the data and, since
    every random number is drawn from (seed, step), the state of all generators; the schedule follows from it too.
    """

    towers: nn.Module
    optimiser: torch.optim.AdamW
    table: ClassTable | None
    average: Average | None
    step: int = 0
    skipped: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)

    def parts(self, rank: int) -> dict[str, dict[str, Tensor]]:
        """What worker `rank` writes: file → named tensors. They are views that the next step changes.

        The first one writes what is equal on all workers; each writes its own rows of the class table.
        """
        files: dict[str, dict[str, Tensor]] = {}
        if rank == 0:
            files[TOWERS] = dict(self.towers.state_dict())
            files[OPTIMISER] = optimiser_state(self.towers, self.optimiser)
            if self.average is not None:
                files[AVERAGE] = self.average.tensors
        if self.table is not None:
            files[shard_file(rank, self.table.workers)] = self.table.state()
        return files


def shard_file(rank: int, count: int) -> str:
    """The file of one of `count` shards of the class table."""
    return f"classes-{rank:05d}-of-{count:05d}.safetensors"


@contextmanager
def only_writer(work: Path, rank: int) -> Iterator[None]:
    """While the first worker is inside, no other training writes to `work`.

    When a driver is killed and started again at once, the worker of before may live for a moment longer.
    """
    if rank != 0:
        yield
        return
    with locked(work / "lock"):
        yield


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Writes one safetensors file, on disk when the call returns; the same tensors give the same bytes."""
    plain = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    save_file(plain, path, metadata={"format": "pt"})
    synchronise(path)
