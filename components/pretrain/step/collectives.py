"""Communication between workers. In a single process each function returns its argument."""

from collections.abc import Iterator, Sequence
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor

T = TypeVar("T")


def rank() -> int:
    """This worker's rank; 0 in a single process."""
    return dist.get_rank() if dist.is_initialized() else 0


def world_size() -> int:
    """The number of workers."""
    return dist.get_world_size() if dist.is_initialized() else 1


class _Gather(torch.autograd.Function):
    """Gathers rows in rank order; a row's gradient is the sum over all workers' losses."""

    @staticmethod
    def forward(ctx: Any, rows: Tensor) -> Tensor:
        ctx.rows = rows.shape[0]
        return gather(rows)

    @staticmethod
    def backward(ctx: Any, *gradients: Tensor) -> Tensor:
        total = gradients[0].contiguous()
        dist.all_reduce(total)
        first = rank() * ctx.rows
        return total[first : first + ctx.rows]


def gather_with_gradient(rows: Tensor) -> Tensor:
    """[b, …] of each worker → [b * workers, …] in rank order, differentiable."""
    if world_size() == 1:
        return rows
    gathered: Tensor = _Gather.apply(rows)
    return gathered


def gather(rows: Tensor) -> Tensor:
    """[b, …] of each worker → [b * workers, …] in rank order, without gradient."""
    if world_size() == 1:
        return rows
    parts = [torch.empty_like(rows) for _ in range(world_size())]
    dist.all_gather(parts, rows.contiguous())
    return torch.cat(parts)


def local_part(rows: Tensor) -> Tensor:
    """[b * workers, …] in rank order → this worker's [b, …]."""
    return rows.chunk(world_size())[rank()]


def mean(tensor: Tensor) -> Tensor:
    """The mean over all workers, without gradient."""
    return total(tensor) / world_size()


def total(tensor: Tensor) -> Tensor:
    """The sum over all workers, without gradient."""
    return tensor if world_size() == 1 else _all_reduce(tensor, dist.ReduceOp.SUM)


def maximum(tensor: Tensor) -> Tensor:
    """The largest of all workers' values, element by element, without gradient."""
    return tensor if world_size() == 1 else _all_reduce(tensor, dist.ReduceOp.MAX)


def _all_reduce(tensor: Tensor, how: Any) -> Tensor:
    result = tensor.detach().clone(memory_format=torch.contiguous_format)
    dist.all_reduce(result, how)
    return result


def gather_to_first(rows: Tensor, counts: Sequence[int]) -> Iterator[Tensor]:
    """On the first worker, yields every worker's rows in rank order; the others only send theirs.

    The rows are in host memory, those of one worker at a time.

    Args:
        rows: [n, …] of this worker.
        counts: n of each worker.
    """
    # Through host memory, since a GPU may lack the room for rows that are not its own.
    group = background_group()
    if rank():
        dist.send(rows.cpu().contiguous(), 0, group=group)
        return
    yield rows.cpu()
    for source in range(1, world_size()):
        part = torch.empty((counts[source], *rows.shape[1:]), dtype=rows.dtype)
        dist.recv(part, source, group=group)
        yield part


def broadcast_from_first(value: T) -> T:
    """The first worker's value, on all workers; for small objects."""
    if world_size() == 1:
        return value
    values = [value]
    dist.broadcast_object_list(values, src=0)
    return values[0]


def all_gather_objects(value: T, group: Any = None) -> list[T]:
    """Every worker's value, in rank order; for small objects."""
    if world_size() == 1:
        return [value]
    values: list[Any] = [None] * world_size()
    dist.all_gather_object(values, value, group=group)
    return values


def background_group() -> Any:
    """A process group for a background thread, whose messages do not mix with those of a step."""
    return dist.new_group(backend="gloo") if world_size() > 1 else None
