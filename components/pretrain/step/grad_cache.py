"""A step's batch through the towers in parts, for batches whose activations do not fit in memory.

A contrastive loss is not a sum over parts, since a picture's negatives are the texts of the whole
batch. So all parts run once without activations, loss and gradient are computed at the embeddings
of the whole batch, and each part runs again, with activations, to backpropagate its part of that
gradient (GradCache, arXiv 2101.06983). It costs one more forward pass.
"""

from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.parallel import DistributedDataParallel

# Image embeddings [b, d], text embeddings [b, d] if there are texts, and the inverse temperature.
Embeddings = tuple[Tensor, Tensor | None, Tensor]


@dataclass(frozen=True)
class _Part:
    """What a part needs to run again alike: pictures, tokens, and the random state of dropout."""

    pictures: Tensor
    tokens: Tensor | None
    random: tuple[Tensor, ...]


class GradCache:
    """Forward and backward pass of one step, `part_size` pictures at a time.

    The gradient is that of the whole batch, to rounding. A tower with BatchNorm normalises each
    part by its own statistics.
    """

    def __init__(self, module: nn.Module, part_size: int) -> None:
        self._module, self._part_size = module, part_size
        self._parts: list[_Part] = []
        self._leaves: tuple[Tensor | None, ...] = ()

    def forward(self, pictures: Tensor, tokens: Tensor | None) -> Embeddings:
        """Pictures [b, …] and tokens [b, l] → the embeddings for the loss."""
        self._parts, outputs = [], []
        if len(pictures) <= self._part_size:
            whole: Embeddings = self._module(pictures, tokens)
            return whole
        parts = torch.split(pictures, self._part_size)
        with torch.no_grad(), _frozen_norm_statistics(self._module):
            for part, part_tokens in zip(parts, self._split(tokens, len(parts)), strict=True):
                self._parts.append(_Part(part, part_tokens, _random_state(part.device)))
                outputs.append(self._module(part, part_tokens))
        images = torch.cat([image for image, _, _ in outputs]).requires_grad_()
        joined = None if tokens is None else torch.cat([text for _, text, _ in outputs]).requires_grad_()
        scale = outputs[-1][2].clone().requires_grad_()
        self._leaves = (images, joined, scale)
        return images, joined, scale

    def backward(self, loss: Tensor) -> None:
        """Leaves the gradient of `loss` [] in the towers, averaged if the module averages."""
        loss.backward()  # type: ignore[no-untyped-call]
        if not self._parts:
            return
        images, texts, scale = (None if leaf is None else leaf.grad for leaf in self._leaves)
        count = len(self._parts)
        part_gradients = zip(self._split(images, count), self._split(texts, count), strict=True)
        for number, (part, gradients) in enumerate(zip(self._parts, part_gradients, strict=True)):
            last = number == count - 1
            _restore_random_state(part.random, part.pictures.device)
            with nullcontext() if last else self._unsynchronised():
                # The temperature is shared by all parts: its gradient is added once.
                _backpropagate(self._module(part.pictures, part.tokens), (*gradients, scale if last else None))
        self._parts, self._leaves = [], ()

    def _split(self, tensor: Tensor | None, parts: int) -> Sequence[Tensor | None]:
        return [None] * parts if tensor is None else torch.split(tensor, self._part_size)

    def _unsynchronised(self) -> AbstractContextManager[None]:
        """Workers average once, after the last part."""
        return self._module.no_sync() if isinstance(self._module, DistributedDataParallel) else nullcontext()


def _backpropagate(outputs: Embeddings, gradients: Sequence[Tensor | None]) -> None:
    pairs = [
        (tensor, gradient)
        for tensor, gradient in zip(outputs, gradients, strict=True)
        if tensor is not None and gradient is not None and tensor.requires_grad
    ]
    torch.autograd.backward([tensor for tensor, _ in pairs], [gradient for _, gradient in pairs])


@contextmanager
def _frozen_norm_statistics(module: nn.Module) -> Iterator[None]:
    """BatchNorm's running statistics would otherwise count every part twice."""
    norms = [norm for norm in module.modules() if isinstance(norm, _BatchNorm) and norm.track_running_stats]
    for norm in norms:
        norm.track_running_stats = False
    try:
        yield
    finally:
        for norm in norms:
            norm.track_running_stats = True


def _random_state(device: torch.device) -> tuple[Tensor, ...]:
    return (torch.get_rng_state(), *([torch.cuda.get_rng_state(device)] if device.type == "cuda" else []))


def _restore_random_state(state: tuple[Tensor, ...], device: torch.device) -> None:
    torch.set_rng_state(state[0])
    if device.type == "cuda":
        torch.cuda.set_rng_state(state[1], device)
