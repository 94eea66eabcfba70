"""Schedule, weight-decay groups, and averaged weights."""

import pytest
import torch
from torch import nn

from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.step.optimiser import Average, load_optimiser_state, make_optimiser, optimiser_state, rate
from tests.registry.conftest import TINY

CONFIG = TowerConfig(TINY["model_cfg"], TINY["preprocess_cfg"])


def test_the_rate_rises_to_one_and_falls_to_nothing() -> None:
    rates = [rate(step, 100, 0.1) for step in range(100)]
    assert rates[0] == pytest.approx(0.1)
    assert rates[9] == rates[10] == pytest.approx(1)
    assert rates[:10] == sorted(rates[:10])
    assert rates[10:] == sorted(rates[10:], reverse=True)
    assert rates[-1] < 0.001


def test_a_single_step_has_a_rate() -> None:
    assert rate(0, 1, 0.1) == 1


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


def test_the_average_moves_towards_the_weights_and_norm_statistics() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = Average(model, decay=0.5)
    before = {name: tensor.clone() for name, tensor in average.tensors.items()}
    with torch.no_grad():
        model[0].weight.add_(1)
        model[1].running_mean.add_(1)
    average.update(step=1000)
    torch.testing.assert_close(average.tensors["0.weight"], before["0.weight"] + 0.5)
    torch.testing.assert_close(average.tensors["1.running_mean"], before["1.running_mean"] + 0.5)
    assert torch.equal(average.tensors["0.bias"], before["0.bias"])


def test_early_steps_forget_the_start_quickly() -> None:
    model = nn.Linear(1, 1)
    average = Average(model, decay=0.99)
    start = average.tensors["weight"].clone()
    with torch.no_grad():
        model.weight.add_(1)
    average.update(step=0)
    torch.testing.assert_close(average.tensors["weight"], start + 0.9)


def test_what_is_not_trained_is_not_averaged() -> None:
    model = nn.Linear(1, 1)
    model.bias.requires_grad_(False)
    assert set(Average(model, decay=0.9).tensors) == {"weight"}
