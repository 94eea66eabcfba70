"""What several workers of one step tell each other. With a single process every function returns what it was given."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def world() -> tuple[int, int]:
    """(rank, number of workers)."""
    return (dist.get_rank(), dist.get_world_size()) if dist.is_initialized() else (0, 1)


class _Gather(torch.autograd.Function):
    """All workers' rows, in rank order; a row's gradient is the sum of what all workers' losses ask of it."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.rows = rows.shape[0]
        return gather(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous()
        dist.all_reduce(total)
        rank, _ = world()
        return total[rank * ctx.rows : (rank + 1) * ctx.rows]


def gather_with_gradient(rows: Tensor) -> Tensor:
    """[b, …] of each worker → [b * workers, …] in rank order, differentiable."""
    if world()[1] == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered


def gather(rows: Tensor) -> Tensor:
    """[b, …] of each worker → [b * workers, …] in rank order, without gradient."""
    if world()[1] == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world()[1])]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def own(rows: Tensor) -> Tensor:
    """[b * workers, …] in rank order → this worker's [b, …]."""
    rank, workers = world()
    return rows.chunk(workers)[rank]


def mean(tensor: Tensor) -> Tensor:
    """The mean over all workers, without gradient."""
    return total(tensor) / world()[1]


def total(tensor: Tensor) -> Tensor:
    """The sum over all workers, without gradient."""
    return tensor if world()[1] == 1 else _reduced(tensor, dist.ReduceOp.SUM)


def maximum(tensor: Tensor) -> Tensor:
    """The largest of all workers' values, element by element, without gradient."""
    return tensor if world()[1] == 1 else _reduced(tensor, dist.ReduceOp.MAX)


def _reduced(tensor: Tensor, how: Any) -> Tensor:
    result = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(result, how)
    return result


def to_first(rows: Tensor, counts: Sequence[int]) -> Iterator[Tensor]:
    """All workers' rows in rank order and host memory, one worker's at a time, on the first worker; the others only send.

    Args:
        rows: [n, …] of this worker.
        counts: n of each worker.
    """
    rank, workers = world()
    # Through host memory: what is sent may be more than a GPU has room for beside the rest.
    group = side_group()
    if rank:
        dist.send(rows.cpu().contiguous(), 0, group=group)
        return
    yield rows.cpu()
    for source in range(1, workers):
        part = torch.empty((counts[source], *rows.shape[1:]), dtype=rows.dtype)
        dist.recv(part, source, group=group)
        yield part


def from_first(value: T) -> T:
    """What the first worker passed, on all of them: a small object."""
    if world()[1] == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def exchange(value: T, group: Any = None) -> list[T]:
    """What each worker passed, in rank order: small objects."""
    if world()[1] == 1:
        return [value]
    values: list[Any] = [None] * world()[1]
    dist.all_gather_object(values, value, group=group)
    return values


def side_group() -> Any:
    """A group of all workers for a thread beside the step: what it exchanges there does not mix with what a step does."""
    return dist.new_group(backend="gloo") if world()[1] > 1 else None
