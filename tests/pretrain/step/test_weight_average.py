"""Averaged weights."""

import torch
from torch import nn

from components.pretrain.step.weight_average import WeightAverage


def test_the_average_moves_towards_the_weights_and_norm_statistics() -> None:
    model = nn.Sequential(nn.Linear(2, 2), nn.BatchNorm1d(2))
    average = WeightAverage(model, decay=0.5)
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
    average = WeightAverage(model, decay=0.99)
    start = average.tensors["weight"].clone()
    with torch.no_grad():
        model.weight.add_(1)
    average.update(step=0)
    torch.testing.assert_close(average.tensors["weight"], start + 0.9)


def test_what_is_not_trained_is_not_averaged() -> None:
    model = nn.Linear(1, 1)
    model.bias.requires_grad_(False)
    assert set(WeightAverage(model, decay=0.9).tensors) == {"weight"}
