"""What several workers of one step tell each other. With a single process every function returns what it was given."""

from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor


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


def mean(tensor: Tensor) -> Tensor:
    """The mean over all workers."""
    if world()[1] == 1:
        return tensor
    total = tensor.detach().clone()
    dist.all_reduce(total)
    return total / world()[1]
