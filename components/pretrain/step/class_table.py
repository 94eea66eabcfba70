"""The class table of the supervised recipe, sharded over workers. A step costs what it samples."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain.step import collectives

BETAS = (0.9, 0.999)
EPSILON = 1e-8
# Classes that are initialised at once, to bound memory; the result does not depend on it.
_BLOCK = 16_384


@dataclass(frozen=True)
class SampledClasses:
    """This worker's part of the classes of one step.

    Attributes:
        classes: int64 [r], ascending.
        rows: int64 [r], of this worker's table and on its device.
        weight: float [r, d], a leaf that takes the gradient.
    """

    classes: Tensor
    rows: Tensor
    weight: Tensor

    def column_of(self, classes: Tensor) -> Tensor:
        """int64: the index of each class in `classes`, same shape; -1 for padding and absent."""
        if not len(self.classes):
            return torch.full_like(classes, -1)
        column = torch.searchsorted(self.classes, classes.contiguous()).clamp(max=len(self.classes) - 1)
        return torch.where(self.classes[column] == classes, column, -1)


class ClassTable:
    """Weights [classes, d] with the moments of a lazy Adam: only sampled rows change.

    Class c is row c // workers of worker c % workers, so that any sample is spread evenly. A row's
    initial weights depend on seed and class alone. Each row counts its own updates for Adam's bias
    correction, so a rare class's first update is as large as a frequent one's.
    """

    def __init__(
        self,
        classes: int,
        width: int,
        seed: int,
        device: torch.device | None = None,
        rank: int = 0,
        workers: int = 1,
    ) -> None:
        self.classes, self.width, self.rank, self.workers = classes, width, rank, workers
        # One record holds a row's weight, moments and count of updates: in a table of gigabytes
        # every access misses the CPU cache and the TLB, and this way a row is accessed once.
        self._records = _allocate(_row_count(classes, rank, workers), 3 * width + 1, device or torch.device("cpu"))
        self._records.zero_()
        for first, drawn in _initial_weights(classes, width, seed):
            own = drawn[(rank - first) % workers :: workers]
            start = _row_count(first, rank, workers)
            self.weight[start : start + len(own)] = own.to(self._records.device)

    @property
    def weight(self) -> Tensor:
        """This worker's rows, float [rows, d]: row i is class `rank + i * workers`."""
        return self._parts(self._records)[0]

    def _parts(self, records: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Views of weight, moments [n, d] and updates [n, 1] (floats, exact to 16 million)."""
        d = self.width
        return records[:, :d], records[:, d : 2 * d], records[:, 2 * d : 3 * d], records[:, 3 * d :]

    @property
    def nbytes(self) -> int:
        """Bytes of this worker's rows with their optimiser state."""
        return self._records.nbytes

    def sample(self, required: Tensor, negatives: int, generator: torch.Generator) -> SampledClasses:
        """Samples this worker's part of the batch's classes and uniform others, all different.

        Args:
            required: int64 [any], the batch's entities on all workers, padded with -1. The sampled
                rows are copied to its device.
            negatives: |N'|; all workers together have `max(required, negatives + 1)` classes at
                most.
            generator: on the CPU; it must be equal on all workers.
        """
        wanted = torch.unique(required[required >= 0]).cpu()
        count = min(self.classes, max(negatives + 1, len(wanted)))
        classes = _fill_up(wanted, count, self.classes, generator)
        if self.workers > 1:
            classes = classes[classes % self.workers == self.rank]
        rows = (classes // self.workers).to(self._records.device)
        weight = self.weight.index_select(0, rows).to(required.device)
        return SampledClasses(classes.to(required.device), rows, weight.requires_grad_())

    @torch.no_grad()
    def step(self, sampled: SampledClasses, learning_rate: float) -> None:
        """Adam on the sampled rows, along the gradient in `sampled.weight`.

        That is the gradient of the sum of all workers' losses; the step follows their mean.
        """
        if sampled.weight.grad is None:
            raise ValueError("the sampled rows have no gradient; call backward before step")
        gradient = sampled.weight.grad.to(self._records.device) / self.workers
        records = self._records.index_select(0, sampled.rows)
        weight, first, second, updates = self._parts(records)
        updates += 1
        first.lerp_(gradient, 1 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        first_correction = (1 - BETAS[0] ** updates.double()).to(gradient.dtype)
        second_correction = (1 - BETAS[1] ** updates.double()).to(gradient.dtype)
        spread = (second / second_correction).sqrt_().add_(EPSILON)
        weight.addcdiv_(first / first_correction, spread, value=-learning_rate)
        self._records.index_copy_(0, sampled.rows, records)

    def state(self) -> dict[str, Tensor]:
        """This worker's rows for a checkpoint: views that the next step changes."""
        weight, first, second, updates = self._parts(self._records)
        return {
            "weight": weight,
            "first_moment": first,
            "second_moment": second,
            "updates": updates[:, 0].long(),
        }

    def load(self, saved_workers: int, read: Callable[[int], Mapping[str, Tensor]]) -> None:
        """Loads this worker's rows from the states of a training with any number of workers.

        Args:
            saved_workers: how many workers saved their states.
            read: rank → its `state`. Only shards with rows of this worker are read, one at a time.

        Raises:
            ValueError: if they are not the shards of a table of this size.
        """
        if not saved_workers:
            raise ValueError("there are no shards of the class table")
        classes = torch.arange(self.rank, self.classes, self.workers)
        for rank in range(saved_workers):
            here = classes % saved_workers == rank
            if not here.any():
                continue
            shard = read(rank)
            expected = (_row_count(self.classes, rank, saved_workers), self.width)
            if tuple(shard["weight"].shape) != expected:
                raise ValueError(
                    f"shard {rank} of {saved_workers} holds classes of shape {list(shard['weight'].shape)}, but a table of "
                    f"{self.classes} classes has {list(expected)} there"
                )
            taken = classes[here] // saved_workers
            columns = [shard[name][taken] for name in ("weight", "first_moment", "second_moment")]
            updates = shard["updates"][taken, None].to(columns[0].dtype)
            self._records[here.to(self._records.device)] = torch.cat([*columns, updates], dim=1).to(
                self._records.device
            )

    def full_weight(self) -> Tensor | None:
        """The weights of all classes, float [classes, d], in host memory of the first worker.

        None on the other workers; all must call it. One worker's rows are in memory at a time,
        besides the result.
        """
        if self.workers == 1:
            return self.weight.cpu()
        table = torch.empty(self.classes, self.width) if self.rank == 0 else None
        counts = [_row_count(self.classes, rank, self.workers) for rank in range(self.workers)]
        for rank, rows in enumerate(collectives.gather_to_first(self.weight, counts)):
            assert table is not None
            table[rank :: self.workers] = rows
        return table


def _row_count(classes: int, rank: int, workers: int) -> int:
    """How many of the first `classes` classes are on worker `rank`."""
    return (classes - rank + workers - 1) // workers


def _allocate(rows: int, columns: int, device: torch.device) -> Tensor:
    """float [rows, columns], uninitialised."""
    if device.type != "cpu":
        return torch.empty(rows, columns, device=device)
    # NumPy asks for huge pages, torch does not; with small pages every row access misses the TLB
    # too.
    return torch.from_numpy(np.empty((rows, columns), np.float32))


def _initial_weights(classes: int, width: int, seed: int) -> Iterator[tuple[int, Tensor]]:
    """First class and unit vectors [n, width] of each block; every worker draws all blocks."""
    generator = torch.Generator().manual_seed(seed)
    for first in range(0, classes, _BLOCK):
        drawn = torch.randn(_BLOCK, width, generator=generator)[: classes - first]
        yield first, F.normalize(drawn)


def _fill_up(wanted: Tensor, count: int, classes: int, generator: torch.Generator) -> Tensor:
    """`wanted` and uniform others, `count` in all, ascending; costs O(`count`)."""
    if count == classes:
        return torch.arange(classes)
    if count > classes // 2:
        # Rejection sampling would be slow for the last ones; a permutation costs O(`count`) here.
        others = torch.randperm(classes, generator=generator)
        others = others[~torch.isin(others, wanted)]
        return torch.cat([wanted, others[: count - len(wanted)]]).sort().values
    chosen = wanted
    while len(chosen) < count:
        draw = torch.randint(classes, (count - len(chosen),), generator=generator)
        chosen = torch.unique(torch.cat([chosen, draw]))
    return chosen
