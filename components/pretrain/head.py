"""The class table of the supervised recipe. A step reads, updates and holds optimiser state updates of sampled rows only."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain import parallel

BETAS = (0.9, 0.999)
EPSILON = 1e-8


@dataclass(frozen=True)
class SampledRows:
    """The classes of one step: `classes` int64 [r], ascending; `weight` float [r, d], a leaf that takes the gradient."""

    classes: Tensor
    weight: Tensor

    def columns(self, classes: Tensor) -> Tensor:
        """Positions of `classes` (all of them sampled) in this step's table; same shape."""
        return torch.searchsorted(self.classes, classes.contiguous())

    def positives(self, entities: Tensor) -> Tensor:
        """Which sampled classes a picture shows: int64 [b, k], padded with -1 → bool [b, r]. Costs b * r, never the vocabulary."""
        hits = torch.zeros(len(entities), len(self.classes) + 1, dtype=torch.bool, device=entities.device)
        column = self.columns(entities).clamp(max=len(self.classes) - 1)
        absent = self.classes[column] != entities
        # Padding, and positives that were not sampled, land in one column too many, which is cut off.
        return hits.scatter_(1, column.masked_fill(absent, len(self.classes)), True)[:, :-1]


class ClassTable:
    """Weights [classes, d] with the moments of a lazily updated Adam: rows that a step does not sample stay as they are.

    Rows count their own updates for Adam's bias correction, so a rare class's first update is as large as a frequent one's.
    With several workers every replica sees the same rows and the mean gradient, and so stays equal: one shard is the table.
    """

    workers = 1

    def __init__(self, classes: int, width: int, seed: int, device: torch.device | None = None) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.weight = F.normalize(torch.randn(classes, width, generator=generator)).to(device)
        self.first_moment = torch.zeros_like(self.weight)
        self.second_moment = torch.zeros_like(self.weight)
        self.updates = torch.zeros(classes, dtype=torch.int64, device=device)

    def sample(self, required: Tensor, negatives: int, generator: torch.Generator) -> SampledRows:
        """The batch's classes and up to `negatives` others in all, drawn uniformly without repetition.

        Args:
            required: int64 [any], classes that must be there (the batch's entities, of all workers); -1 is padding.
            negatives: |N'|; the rows returned are at least the required ones, at most `max(required, negatives + 1)`.
            generator: on the CPU; equal on all workers.
        """
        wanted = torch.unique(required[required >= 0]).cpu()
        count = min(len(self.weight), max(negatives + 1, len(wanted)))
        classes = _fill_up(wanted, count, len(self.weight), generator).to(self.weight.device)
        return SampledRows(classes, self.weight[classes].requires_grad_())

    def step(self, rows: SampledRows, learning_rate: float) -> None:
        """Adam on the sampled rows with the gradient that the backward pass left in `rows.weight`."""
        if rows.weight.grad is None:
            raise ValueError("the rows have no gradient; call backward before step")
        gradient = parallel.mean(rows.weight.grad)
        updates = self.updates[rows.classes] + 1
        first = self.first_moment[rows.classes].lerp_(gradient, 1 - BETAS[0])
        second = self.second_moment[rows.classes].mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        first_correction = (1 - BETAS[0] ** updates.double()).to(gradient.dtype)[:, None]
        second_correction = (1 - BETAS[1] ** updates.double()).to(gradient.dtype)[:, None]
        change = (first / first_correction) / ((second / second_correction).sqrt_() + EPSILON)
        self.weight[rows.classes] = rows.weight.detach() - learning_rate * change
        self.first_moment[rows.classes] = first
        self.second_moment[rows.classes] = second
        self.updates[rows.classes] = updates

    def state(self) -> dict[str, Tensor]:
        """Everything that a checkpoint must hold."""
        return {
            "weight": self.weight,
            "first_moment": self.first_moment,
            "second_moment": self.second_moment,
            "updates": self.updates,
        }

    def load(self, shards: Sequence[Mapping[str, Tensor]]) -> None:
        """Takes over what `state` gave: the shards of a former run in rank order."""
        (state,) = shards
        for name, tensor in self.state().items():
            tensor.copy_(state[name])


def _fill_up(wanted: Tensor, count: int, classes: int, generator: torch.Generator) -> Tensor:
    """`wanted` and uniform others, `count` in all, ascending; costs in the order of `count`, not of `classes`."""
    if count == classes:
        return torch.arange(classes)
    if count > classes // 2:
        # Rejection would draw long for the last ones; a permutation is in the order of `count` here.
        others = torch.randperm(classes, generator=generator)
        others = others[~torch.isin(others, wanted)]
        return torch.cat([wanted, others[: count - len(wanted)]]).sort().values
    chosen = wanted
    while len(chosen) < count:
        draw = torch.randint(classes, (count - len(chosen),), generator=generator)
        chosen = torch.unique(torch.cat([chosen, draw]))
    return chosen
