"""The two losses of MOFI.md: large-margin cosine softmax over sampled classes, and symmetric InfoNCE."""

import torch
import torch.nn.functional as F
from torch import Tensor


def large_margin_softmax(
    cosines: Tensor, target: Tensor, not_negative: Tensor | None = None, *, margin: float, scale: float
) -> Tensor:
    """MOFI.md, Losses, supervised: mean over the batch of

    `-log( e^{s(cos_y - m)} / (e^{s(cos_y - m)} + sum_{c in N'} e^{s cos_c}) )`.

    Args:
        cosines: float [b, c], cosine of each picture with each sampled class.
        target: int64 [b], the column of each picture's class y.
        not_negative: bool [b, c], columns that must not count as negatives of a picture (its other entities).
        margin: m, in units of the cosine.
        scale: s.

    Returns:
        float [].
    """
    logits = scale * cosines
    logits[torch.arange(len(target), device=target.device), target] -= scale * margin
    if not_negative is not None:
        logits = logits.masked_fill(_others(not_negative, target), -torch.inf)
    return F.cross_entropy(logits, target)


def info_nce(image_logits: Tensor, text_logits: Tensor, target: Tensor, not_negative: Tensor | None = None) -> Tensor:
    """MOFI.md, Losses, contrastive: the mean of picture-to-text and text-to-picture cross entropy.

    Args:
        image_logits: float [b, n], this worker's pictures against all workers' texts, times the inverse temperature.
        text_logits: float [b, n], this worker's texts against all workers' pictures.
        target: int64 [b], the column that holds a row's own partner.
        not_negative: bool [b, n], pairs that must not repel each other (same entity); the own partner is kept anyway.

    Returns:
        float [].
    """
    if not_negative is not None:
        excluded = _others(not_negative, target)
        image_logits = image_logits.masked_fill(excluded, -torch.inf)
        text_logits = text_logits.masked_fill(excluded, -torch.inf)
    return (F.cross_entropy(image_logits, target) + F.cross_entropy(text_logits, target)) / 2


def _others(marked: Tensor, target: Tensor) -> Tensor:
    """bool [b, c] without each row's own column; a one-hot matrix of int64 would be the largest tensor of a step."""
    return marked.scatter(1, target[:, None], False)


def share_entity(left: Tensor, right: Tensor) -> Tensor:
    """Which pictures have an entity in common: int64 [b, k] and [n, k], padded with -1 → bool [b, n]."""
    equal = left[:, None, :, None] == right[None, :, None, :]
    real = (left >= 0)[:, None, :, None]
    return (equal & real).flatten(2).any(dim=2)
