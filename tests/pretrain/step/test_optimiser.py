"""The learning-rate schedule, weight-decay groups, and the optimiser's state."""

import pytest
import torch
from torch import nn

from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.step.optimiser import (
    learning_rate_factor,
    load_optimiser_state,
    make_optimiser,
    optimiser_state,
)
from tests.registry.conftest import TINY

CONFIG = TowerConfig(TINY["model_cfg"], TINY["preprocess_cfg"])


def test_the_rate_rises_to_one_and_falls_to_nothing() -> None:
    rates = [learning_rate_factor(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001


def test_a_single_step_has_a_rate() -> None:
    assert learning_rate_factor(0, 1, 0.1) == 1


def test_biases_norms_embeddings_and_the_temperature_do_not_decay() -> None:
    model = towers.build(CONFIG, 1)
    groups = make_optimiser(model, 0.1, 0.05).param_groups
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    decayed = {names[id(p)] for group in groups if group["weight_decay"] for p in group["params"]}
    assert {"visual.conv1.weight", "text_projection"} <= decayed
    kept = ("logit_scale", "token_embedding.weight", "positional_embedding", "visual.bn1.weight", "ln_final.bias")
    assert not decayed & set(kept)


def test_what_is_not_trained_is_not_in_the_optimiser() -> None:
    model = towers.build(CONFIG, 1)
    for name, parameter in model.named_parameters():
        parameter.requires_grad_(name.startswith("visual."))
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    optimised = {names[id(p)] for group in make_optimiser(model, 0.1, 0.05).param_groups for p in group["params"]}
    assert optimised == {name for name in names.values() if name.startswith("visual.")}


def test_what_a_checkpoint_holds_comes_to_the_device_of_the_weights() -> None:
    """A fused step wants all of it there, its counts of steps too."""
    model = nn.Linear(2, 3)
    optimiser = make_optimiser(model, 0.1, 0.05)
    model(torch.ones(1, 2)).sum().backward()
    optimiser.step()
    state = optimiser_state(model, optimiser)
    there = nn.Linear(2, 3, device="meta")
    taken = make_optimiser(there, 0.1, 0.05)
    load_optimiser_state(there, taken, state)
    for parameter in there.parameters():
        found = taken.state[parameter]
        assert {name: (tensor.device.type, tensor.ndim) for name, tensor in found.items()} == {
            "step": ("meta", 0),
            "exp_avg": ("meta", parameter.ndim),
            "exp_avg_sq": ("meta", parameter.ndim),
        }
