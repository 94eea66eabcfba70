"""Metrics of a batch besides the losses."""

import math

import pytest
import torch
import torch.nn.functional as F

from components.pretrain.recipes import Features
from components.pretrain.step.class_table import ClassTable
from components.pretrain.training.batch_metrics import margin_satisfied, measure_batch, uniformity


def test_uniformity_is_zero_for_one_point_and_least_for_opposite_ones() -> None:
    point = torch.tensor([[1.0, 0.0]])
    assert uniformity(point.repeat(5, 1)) == pytest.approx(0)
    assert uniformity(torch.cat([point, -point])) == pytest.approx(-8)


def test_uniformity_is_wang_and_isolas() -> None:
    embeddings = F.normalize(torch.randn(20, 4, generator=torch.Generator().manual_seed(1)))
    expected = torch.pdist(embeddings).pow(2).mul(-2).exp().mean().log()
    assert uniformity(embeddings) == pytest.approx(float(expected), abs=1e-5)


def test_alignment_is_the_mean_squared_distance_of_pictures_that_share_an_entity() -> None:
    images = F.normalize(torch.tensor([[1.0, 0.0], [0.0, 1.0], [-1.0, 0.0], [1.0, 1.0]]))
    entities = torch.tensor([[0, 5], [5, -1], [7, -1], [9, -1]])
    metrics = measure_batch(Features(images, entities=entities), 0.1)
    assert metrics["alignment"] == pytest.approx(2)
    assert "alignment" not in measure_batch(Features(images[1:], entities=entities[1:]), 0.1)


def test_texts_have_an_alignment_of_their_own_and_a_temperature() -> None:
    images = torch.eye(3)
    metrics = measure_batch(Features(images, images.roll(1, 0), torch.tensor(20.0)), 0.1)
    assert (metrics["text_alignment"], metrics["logit_scale"]) == (pytest.approx(2), 20)
    assert measure_batch(Features(images, images, torch.tensor(20.0)), 0.1)["text_alignment"] == 0


@pytest.mark.parametrize(("margin", "share"), [(0.0, 1.0), (0.5, 0.5), (1.5, 0.0)])
def test_the_margin_is_satisfied_where_the_right_class_beats_all_others_by_it(margin: float, share: float) -> None:
    """Two pictures: one on its class, one between its own and another; its third is no rival."""
    table = ClassTable(3, 2, seed=1)
    rows = table.sample(torch.arange(3), 3, torch.Generator())
    with torch.no_grad():
        rows.weight.copy_(torch.tensor([[1.0, 0.0], [0.0, 1.0], [0.6, 0.8]]))
    angle = math.radians(35)
    images = torch.tensor([[1.0, 0.0], [math.cos(angle), math.sin(angle)]])
    target, entities = torch.tensor([0, 0]), torch.tensor([[0, 2], [0, 2]])
    assert margin_satisfied(images, rows, target, entities, margin) == share


def test_classes_that_were_not_sampled_are_no_rivals() -> None:
    table = ClassTable(50, 2, seed=1)
    rows = table.sample(torch.tensor([3, 7]), 1, torch.Generator())
    images = F.normalize(rows.weight.detach())
    target = torch.tensor([3, 7])
    assert margin_satisfied(images, rows, target, torch.tensor([[3, 40], [7, -1]]), 0.0) == 1.0
