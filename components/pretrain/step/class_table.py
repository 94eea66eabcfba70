"""The class table of the supervised recipe, shared out over workers. A step costs what it samples, whatever the vocabulary."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass

import numpy as np
import torch
import torch.nn.functional as F
from torch import Tensor

from components.pretrain.step import collectives

BETAS = (0.9, 0.999)
EPSILON = 1e-8
# ClassIndex whose start is drawn at once; it bounds the memory of drawing millions. The draws do not depend on it.
_BLOCK = 16_384


@dataclass(frozen=True)
class SampledRows:
    """This worker's part of the classes of one step.

    `classes` int64 [r], ascending; `places` int64 [r], their rows in this worker's table and on its device; `weight`
    float [r, d], a leaf that takes the gradient. The parts of all workers together are the classes of the step.
    """

    classes: Tensor
    places: Tensor
    weight: Tensor

    def columns(self, classes: Tensor) -> Tensor:
        """Which row holds each class, -1 for padding and for classes that are not here: int64 of any shape → the same."""
        if not len(self.classes):
            return torch.full_like(classes, -1)
        column = torch.searchsorted(self.classes, classes.contiguous()).clamp(max=len(self.classes) - 1)
        return torch.where(self.classes[column] == classes, column, -1)


class ClassTable:
    """Weights [classes, d] with the moments of a lazily updated Adam: rows that a step does not sample stay as they are.

    Class c lies on worker c % workers in row c // workers, so that any sample is spread evenly. A row's start depends on
    seed and class alone. UsablePictures count their own updates for Adam's bias correction, so a rare class's first update is as
    large as a frequent one's.
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
        # A row is one record of weight, both moments and the count of its updates: in a table of gigabytes each place that
        # a step visits is a miss of the cache and of the page table, and this way a row is visited once.
        self._records = _allocate(_share(classes, rank, workers), 3 * width + 1, device or torch.device("cpu"))
        self._records.zero_()
        for first, drawn in _starts(classes, width, seed):
            own = drawn[(rank - first) % workers :: workers]
            begin = _share(first, rank, workers)
            self.weight[begin : begin + len(own)] = own.to(self._records.device)

    @property
    def weight(self) -> Tensor:
        """This worker's rows, float [rows, d]: row i is class `rank + i * workers`."""
        return self._parts(self._records)[0]

    def _parts(self, records: Tensor) -> tuple[Tensor, Tensor, Tensor, Tensor]:
        """Views of weight, both moments [n, d] and updates [n, 1]; a float counts updates exactly to 16 million."""
        d = self.width
        return records[:, :d], records[:, d : 2 * d], records[:, 2 * d : 3 * d], records[:, 3 * d :]

    @property
    def nbytes(self) -> int:
        """Bytes of this worker's rows with their optimiser state; the table holds nothing else."""
        return self._records.nbytes

    def sample(self, required: Tensor, negatives: int, generator: torch.Generator) -> SampledRows:
        """The batch's classes and up to `negatives` others in all, drawn uniformly without repetition: this worker's part.

        Args:
            required: int64 [any], classes that must be there (the batch's entities, of all workers); -1 is padding. The rows
                come to its device.
            negatives: |N'|; the rows of all workers are at least the required ones, at most `max(required, negatives + 1)`.
            generator: on the CPU; equal on all workers, whose samples then are parts of one.
        """
        wanted = torch.unique(required[required >= 0]).cpu()
        count = min(self.classes, max(negatives + 1, len(wanted)))
        classes = _fill_up(wanted, count, self.classes, generator)
        if self.workers > 1:
            classes = classes[classes % self.workers == self.rank]
        places = (classes // self.workers).to(self._records.device)
        weight = self.weight.index_select(0, places).to(required.device)
        return SampledRows(classes.to(required.device), places, weight.requires_grad_())

    @torch.no_grad()
    def step(self, rows: SampledRows, learning_rate: float) -> None:
        """Adam on the sampled rows, along the gradient that the backward pass left in `rows.weight`.

        It is the gradient of the sum of all workers' losses; the step follows their mean.
        """
        if rows.weight.grad is None:
            raise ValueError("the rows have no gradient; call backward before step")
        gradient = rows.weight.grad.to(self._records.device) / self.workers
        records = self._records.index_select(0, rows.places)
        weight, first, second, updates = self._parts(records)
        updates += 1
        first.lerp_(gradient, 1 - BETAS[0])
        second.mul_(BETAS[1]).addcmul_(gradient, gradient, value=1 - BETAS[1])
        first_correction = (1 - BETAS[0] ** updates.double()).to(gradient.dtype)
        second_correction = (1 - BETAS[1] ** updates.double()).to(gradient.dtype)
        spread = (second / second_correction).sqrt_().add_(EPSILON)
        weight.addcdiv_(first / first_correction, spread, value=-learning_rate)
        self._records.index_copy_(0, rows.places, records)

    def state(self) -> dict[str, Tensor]:
        """All that a checkpoint must hold of this worker's rows. Weights and moments are views that the next step changes."""
        weight, first, second, updates = self._parts(self._records)
        return {
            "weight": weight,
            "first_moment": first,
            "second_moment": second,
            "updates": updates[:, 0].long(),
        }

    def load(self, former: int, read: Callable[[int], Mapping[str, Tensor]]) -> None:
        """Takes this worker's rows out of what `state` gave on the workers of a former run, however many there were.

        Args:
            former: how many there were.
            read: rank → what its `state` gave. Only shards that hold rows of this worker are read, one after another.

        Raises:
            ValueError: if they are not the shards of a table of this size.
        """
        if not former:
            raise ValueError("there are no shards of the class table")
        classes = torch.arange(self.rank, self.classes, self.workers)
        for rank in range(former):
            here = classes % former == rank
            if not here.any():
                continue
            shard = read(rank)
            expected = (_share(self.classes, rank, former), self.width)
            if tuple(shard["weight"].shape) != expected:
                raise ValueError(
                    f"shard {rank} of {former} holds classes of shape {list(shard['weight'].shape)}, but a table of "
                    f"{self.classes} classes has {list(expected)} there"
                )
            taken = classes[here] // former
            columns = [shard[name][taken] for name in ("weight", "first_moment", "second_moment")]
            updates = shard["updates"][taken, None].to(columns[0].dtype)
            self._records[here.to(self._records.device)] = torch.cat([*columns, updates], dim=1).to(
                self._records.device
            )

    def whole(self) -> Tensor | None:
        """The weights of all classes, float [classes, d], in host memory of the first worker; None on the others.

        Every worker must call it. Beside the result one worker's rows lie in memory at a time.
        """
        if self.workers == 1:
            return self.weight.cpu()
        table = torch.empty(self.classes, self.width) if self.rank == 0 else None
        counts = [_share(self.classes, rank, self.workers) for rank in range(self.workers)]
        for rank, rows in enumerate(collectives.gather_to_first(self.weight, counts)):
            assert table is not None
            table[rank :: self.workers] = rows
        return table


def _share(classes: int, rank: int, workers: int) -> int:
    """How many of the first `classes` classes lie on worker `rank`."""
    return (classes - rank + workers - 1) // workers


def _allocate(rows: int, columns: int, device: torch.device) -> Tensor:
    """float [rows, columns], not filled."""
    if device.type != "cpu":
        return torch.empty(rows, columns, device=device)
    # NumPy asks the kernel for huge pages, torch does not; with small ones every row read is a miss of the page table too.
    return torch.from_numpy(np.empty((rows, columns), np.float32))


def _starts(classes: int, width: int, seed: int) -> Iterator[tuple[int, Tensor]]:
    """First class and unit vectors float [n, width], block by block. Every worker draws all and keeps its own."""
    generator = torch.Generator().manual_seed(seed)
    for first in range(0, classes, _BLOCK):
        drawn = torch.randn(_BLOCK, width, generator=generator)[: classes - first]
        yield first, F.normalize(drawn)


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
