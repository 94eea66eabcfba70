"""AdamW with weight-decay groups, warm-up with cosine decay, and averaged weights."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.98)
EPSILON = 1e-6
_STATE = ("step", "exp_avg", "exp_avg_sq")
# Tables of positions, words and class tokens, and biases of more than one dimension.
_KEPT = ("embedding", "pos_embed", "cls_token", "cls_emb", "bias", "logit_scale")


def trained_parameters(towers: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Named parameters that take a gradient."""
    return ((name, parameter) for name, parameter in towers.named_parameters() if parameter.requires_grad)


def make_optimiser(towers: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW over the trained parameters; biases, norms, embeddings and the temperature do not decay."""
    decayed: list[nn.Parameter] = []
    kept: list[nn.Parameter] = []
    for name, parameter in trained_parameters(towers):
        (decayed if parameter.ndim >= 2 and not any(part in name for part in _KEPT) else kept).append(parameter)
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": kept, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=learning_rate, betas=BETAS, eps=EPSILON, fused=True)


def rate(step: int, steps: int, warm_up: float) -> float:
    """The share of the peak learning rate at a step: linear warm-up, then half a cosine to zero."""
    rising = max(1, round(warm_up * steps))
    if step < rising:
        return (step + 1) / rising
    return 0.5 * (1 + math.cos(math.pi * (step - rising) / max(1, steps - rising)))


def optimiser_state(towers: nn.Module, optimiser: torch.optim.AdamW) -> dict[str, Tensor]:
    """AdamW's moments and step counts as named tensors."""
    state: dict[str, Tensor] = {}
    for name, parameter in trained_parameters(towers):
        for key, value in optimiser.state.get(parameter, {}).items():
            state[f"{key}/{name}"] = value
    return state


def load_optimiser_state(towers: nn.Module, optimiser: torch.optim.AdamW, state: dict[str, Tensor]) -> None:
    """Takes over what `optimiser_state` gave, whatever device that lies on; a parameter that it lacks has taken no step."""
    for name, parameter in trained_parameters(towers):
        kept = {key: state[f"{key}/{name}"] for key in _STATE if f"{key}/{name}" in state}
        # Moments must lie in memory as the parameter does (channels last), or the next step rounds differently; the count of
        # steps must be on its device too, where the fused step reads it.
        optimiser.state[parameter] = {
            key: torch.empty_like(parameter if value.ndim else value, device=parameter.device).copy_(value)
            for key, value in kept.items()
        }


class Average:
    """Exponentially averaged weights that are trained, and norm statistics; the early bias towards the start is left out.

    The decay of an early step is at most `(1 + step) / (10 + step)`, so that short runs average too.
    """

    def __init__(self, towers: nn.Module, decay: float) -> None:
        self.decay = decay
        still = {name for name, parameter in towers.named_parameters() if not parameter.requires_grad}
        state = towers.state_dict()
        self._sources = {name: t for name, t in state.items() if t.is_floating_point() and name not in still}
        self.tensors = {name: t.detach().clone() for name, t in self._sources.items()}

    @torch.no_grad()
    def update(self, step: int) -> None:
        """Moves towards the weights as they are after `step`."""
        decay = min(self.decay, (1 + step) / (10 + step))
        torch._foreach_lerp_(list(self.tensors.values()), list(self._sources.values()), 1 - decay)

    @torch.no_grad()
    def load(self, state: dict[str, Tensor]) -> None:
        """Takes over the tensors of a checkpoint."""
        for name, tensor in self.tensors.items():
            tensor.copy_(state[name])
