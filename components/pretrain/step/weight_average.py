"""Exponential moving average of the trained weights."""

import torch
from torch import Tensor, nn


class WeightAverage:
    """Exponential moving average of trained weights and norm statistics.

    The decay of an early step is at most `(1 + step) / (10 + step)`, so that short trainings
    average too, without a bias towards the initial weights.
    """

    def __init__(self, towers: nn.Module, decay: float) -> None:
        self.decay = decay
        frozen = {name for name, parameter in towers.named_parameters() if not parameter.requires_grad}
        state = towers.state_dict()
        self._sources = {name: t for name, t in state.items() if t.is_floating_point() and name not in frozen}
        self.tensors = {name: t.detach().clone() for name, t in self._sources.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves towards the weights as they are after `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._sources.values()), 1 - decay)

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Loads the tensors of a checkpoint."""
        for name, tensor in self.tensors.items():
            tensor.copy_(state[name])
