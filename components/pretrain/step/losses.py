"""MOFI's losses: large-margin cosine softmax over sampled classes, and symmetric InfoNCE."""

from typing import Any

import torch
import torch.nn.functional as F
from torch import Tensor
from torch.autograd.function import once_differentiable

from components.pretrain.step import collectives


class _MarginSoftmax(torch.autograd.Function):
    """`large_margin_softmax`; keeps one copy of the step's largest matrix for the backward pass."""

    @staticmethod
    def forward(ctx: Any, cosines: Tensor, target: Tensor, others: Tensor, margin: float, scale: float) -> Tensor:
        logits = cosines.to(torch.promote_types(cosines.dtype, torch.float32)) * scale
        own, column = (target >= 0)[:, None], target.clamp(min=0)[:, None]
        best, chosen = logits.new_full((len(logits),), -torch.inf), logits.new_zeros(len(logits))
        if logits.shape[1]:
            # Adding zero everywhere else avoids waiting for the GPU to count the changes.
            logits.scatter_add_(1, column, _masked(own, -scale * margin, logits))
            logits.scatter_add_(1, others.clamp(min=0), _masked(others >= 0, -torch.inf, logits))
            best = logits.amax(1)
        best = collectives.maximum(best)
        logits.sub_(best[:, None])
        if logits.shape[1]:
            chosen = logits.gather(1, column).masked_fill(~own, 0)[:, 0]
        exponentials = logits.exp_()
        sums, chosen = collectives.total(torch.stack([exponentials.sum(1), chosen]))
        ctx.save_for_backward(exponentials, sums, own, column)
        ctx.scale, ctx.dtype = scale, cosines.dtype
        losses: Tensor = sums.log() - chosen
        return losses

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[Tensor, None, None, None, None]:
        exponentials, sums, own, column = ctx.saved_tensors
        # Each worker's loss covers its own pictures; these rows need the gradients of all.
        scaled = ctx.scale * collectives.total(gradient)
        result = exponentials * (scaled / sums)[:, None]
        if result.shape[1]:
            result.scatter_add_(1, column, torch.where(own, -scaled[:, None], 0))
        return result.to(ctx.dtype), None, None, None, None


def _masked(mask: Tensor, value: float, like: Tensor) -> Tensor:
    return like.new_zeros(mask.shape).masked_fill_(mask, value)


def large_margin_softmax(cosines: Tensor, target: Tensor, others: Tensor, *, margin: float, scale: float) -> Tensor:
    """The supervised loss of arXiv 2306.07952: for each picture

    `-log( e^{s(cos_y - m)} / (e^{s(cos_y - m)} + sum_{c in N'} e^{s cos_c}) )`.

    The sampled classes are sharded: each worker passes the cosines of all workers' pictures with
    its own part of the classes, and gets the losses over all classes. The workers' gradients add
    up.

    Args:
        cosines: float [n, r], all workers' pictures against this worker's rows; r may be 0.
        target: int64 [n], the row of each picture's class y, -1 if another worker holds it.
        others: int64 [n, k], rows that are not negatives of a picture (its other entities), padded
            with -1.
        margin: m, in units of the cosine.
        scale: s.

    Returns:
        float [n], at least in single precision; the same on every worker.
    """
    losses: Tensor = _MarginSoftmax.apply(cosines, target, others, margin, scale)
    return losses


def info_nce(image_logits: Tensor, text_logits: Tensor, target: Tensor, not_negative: Tensor | None = None) -> Tensor:
    """The contrastive loss (arXiv 2306.07952): picture-to-text and text-to-picture averaged.

    Both are cross entropies.

    Args:
        image_logits: float [b, n], this worker's pictures against all texts, times inverse
            temperature.
        text_logits: float [b, n], this worker's texts against all pictures, times inverse
            temperature.
        target: int64 [b], the column of a row's own partner.
        not_negative: bool [b, n], pairs that are not negatives (same entity), apart from the
            partner.

    Returns:
        float [].
    """
    if not_negative is not None:
        excluded = _others(not_negative, target)
        image_logits = image_logits.masked_fill(excluded, -torch.inf)
        text_logits = text_logits.masked_fill(excluded, -torch.inf)
    return (F.cross_entropy(image_logits, target) + F.cross_entropy(text_logits, target)) / 2


def _others(marked: Tensor, target: Tensor) -> Tensor:
    """bool [b, c] without each row's own column; a one-hot int64 matrix would be too large."""
    return marked.scatter(1, target[:, None], False)


def share_entity(left: Tensor, right: Tensor) -> Tensor:
    """Whether pictures share an entity: int64 [b, k], [n, k], padded with -1 → bool [b, n]."""
    equal = left[:, None, :, None] == right[None, :, None, :]
    real = (left >= 0)[:, None, :, None]
    return (equal & real).flatten(2).any(dim=2)
