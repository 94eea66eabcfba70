"""AdamW with weight-decay groups, and a learning-rate schedule of warm-up and cosine decay."""

import math
from collections.abc import Iterator

import torch
from torch import Tensor, nn

BETAS = (0.9, 0.98)
EPSILON = 1e-6
_STATE = ("step", "exp_avg", "exp_avg_sq")
# Embeddings of positions, tokens and classes, and biases of more than one dimension.
_NO_DECAY = ("embedding", "pos_embed", "cls_token", "cls_emb", "bias", "logit_scale")


def trained_parameters(towers: nn.Module) -> Iterator[tuple[str, nn.Parameter]]:
    """Named parameters that require a gradient."""
    return ((name, parameter) for name, parameter in towers.named_parameters() if parameter.requires_grad)


def make_optimiser(towers: nn.Module, learning_rate: float, weight_decay: float) -> torch.optim.AdamW:
    """AdamW; biases, norms, embeddings and the temperature do not decay."""
    decayed: list[nn.Parameter] = []
    undecayed: list[nn.Parameter] = []
    for name, parameter in trained_parameters(towers):
        (decayed if parameter.ndim >= 2 and not any(part in name for part in _NO_DECAY) else undecayed).append(
            parameter
        )
    groups = [{"params": decayed, "weight_decay": weight_decay}, {"params": undecayed, "weight_decay": 0.0}]
    return torch.optim.AdamW([g for g in groups if g["params"]], lr=learning_rate, betas=BETAS, eps=EPSILON, fused=True)


def learning_rate_factor(step: int, steps: int, warm_up: float) -> float:
    """The fraction of the peak learning rate: linear warm-up, then half a cosine to zero."""
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
    """Loads an `optimiser_state` of any device; absent parameters have taken no step."""
    for name, parameter in trained_parameters(towers):
        kept = {key: state[f"{key}/{name}"] for key in _STATE if f"{key}/{name}" in state}
        # Moments need the memory layout of the parameter (channels last), or the next step rounds
        # differently; step counts must be on its device, where the fused optimiser reads them.
        optimiser.state[parameter] = {
            key: torch.empty_like(parameter if value.ndim else value, device=parameter.device).copy_(value)
            for key, value in kept.items()
        }
