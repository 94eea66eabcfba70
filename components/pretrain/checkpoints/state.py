"""The training state that a checkpoint holds, and its files (safetensors and JSON, no pickle)."""

from dataclasses import dataclass, field
from pathlib import Path

import torch
from safetensors.torch import save_file
from torch import Tensor, nn

from components.pretrain.step.class_table import ClassTable
from components.pretrain.step.optimiser import optimiser_state
from components.pretrain.step.weight_average import WeightAverage
from components.storage.atomic import synchronise

TOWERS, OPTIMISER, AVERAGE = "towers.safetensors", "optimiser.safetensors", "average.safetensors"


@dataclass
class TrainingState:
    """Everything that a step changes.

    No generator state is needed, since all random numbers are drawn from (seed, step, rank); the
    learning rate follows from the step too.

    Attributes:
        towers: the model.
        optimiser: of the towers.
        table: the class table, if the recipe has one.
        average: averaged weights, if they are kept.
        step: finished steps, which is also the position in the data.
        skipped: undecodable pictures so far, which others replaced.
        curve: points of the training curve so far.
    """

    towers: nn.Module
    optimiser: torch.optim.AdamW
    table: ClassTable | None
    average: WeightAverage | None
    step: int = 0
    skipped: int = 0
    curve: list[dict[str, float]] = field(default_factory=list)

    def files(self, rank: int) -> dict[str, dict[str, Tensor]]:
        """The files of worker `rank`: name → tensors by name, views that the next step changes.

        The first worker writes what all have in common; each writes its own rows of the class
        table.
        """
        files: dict[str, dict[str, Tensor]] = {}
        if rank == 0:
            files[TOWERS] = dict(self.towers.state_dict())
            files[OPTIMISER] = optimiser_state(self.towers, self.optimiser)
            if self.average is not None:
                files[AVERAGE] = self.average.tensors
        if self.table is not None:
            files[class_table_file(rank, self.table.workers)] = self.table.state()
        return files


def class_table_file(rank: int, count: int) -> str:
    """The file of the class table's rows on worker `rank` of `count`."""
    return f"classes-{rank:05d}-of-{count:05d}.safetensors"


def save_tensors(tensors: dict[str, Tensor], path: Path) -> None:
    """Writes a safetensors file and fsyncs it; the same tensors give the same bytes."""
    plain = {name: tensors[name].detach().cpu().contiguous() for name in sorted(tensors)}
    save_file(plain, path, metadata={"format": "pt"})
    synchronise(path)
