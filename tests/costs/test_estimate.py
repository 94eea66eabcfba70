"""The equations of the cost, and the command that prints them."""

from dataclasses import replace

import pytest
import torch
from typer.testing import CliRunner

from components.cli import parameters
from components.cli.main import app
from components.costs import estimate as cost
from components.costs import gpus, table
from components.costs.counting import PassCost, TowerCosts, TowerSize
from components.costs.estimate import Training
from components.costs.gpus import Precision
from components.errors import ParameterError
from components.pretrain.step.class_table import ClassTable
from tests import ROOT
from tests.pretrain.conftest import MakeParameters

OWN = ROOT / "params.yaml"
IMAGE = TowerSize(parameters=1000, tensors=10, state=4100, averaged=4050)
TEXT = TowerSize(parameters=500, tensors=5, state=2000, averaged=2000)
IMAGE_PASS = PassCost(forward=10_000, backward=20_000, recomputed=9_000, kept=5_000, kept_checkpointed=700, copies=0)
TEXT_PASS = PassCost(forward=1_000, backward=2_000, recomputed=900, kept=500, kept_checkpointed=70, copies=0)
TRAINING = Training(
    towers=TowerCosts(width=8, image=IMAGE, text=TEXT, image_pass=IMAGE_PASS, text_pass=TEXT_PASS),
    reads_texts=True,
    images_seen=7200,
    batch=16,
    classes=101,
    negatives=50,
    averaged=True,
    checkpointing=False,
)


def test_operations_are_those_of_the_towers_and_of_two_losses() -> None:
    parts = cost.operations(TRAINING)
    assert parts["image tower"].total == 30_000
    assert parts["text tower"].total == 3_000
    assert parts["class table"].total == 6 * 8 * 51
    assert parts["contrastive"].total == 12 * 8 * 16
    assert cost.operations_per_image(TRAINING) == sum(part.total for part in parts.values())


def test_gradient_checkpointing_trades_memory_for_operations() -> None:
    again = replace(TRAINING, checkpointing=True)
    assert cost.operations_per_image(again) == cost.operations_per_image(TRAINING) + 9_900
    assert cost.memory(again, 1)["activations"] == 16 * 770 < cost.memory(TRAINING, 1)["activations"] == 16 * 5_500


def test_parts_of_a_batch_trade_memory_for_one_more_forward_pass() -> None:
    cut = replace(TRAINING, parts=4)
    assert cost.operations_per_image(cut) == cost.operations_per_image(TRAINING) + 11_000
    whole, quarter = cost.memory(TRAINING, 1), cost.memory(cut, 1)
    assert quarter["activations"] == whole["activations"] // 4
    assert quarter["embeddings of all parts"] == 16 * 2 * (2 * 8 * 4) > whole["embeddings of all parts"] == 0
    assert quarter["logits"] == whole["logits"]


def test_the_largest_part_is_what_memory_must_hold() -> None:
    """Four pictures of each of four workers in three parts: two, and one, and one."""
    assert cost.memory(replace(TRAINING, parts=3), 4)["activations"] == cost.memory(TRAINING, 8)["activations"]


def test_without_texts_and_classes_only_the_image_tower_costs() -> None:
    bare = replace(TRAINING, reads_texts=False, classes=0, negatives=0)
    assert list(cost.operations(bare)) == ["image tower"]
    parts = cost.memory(bare, 1)
    assert (parts["gradients"], parts["AdamW"], parts["averaged weights"]) == (4000, 8040, 4050)
    assert parts["class table"] == parts["sampled rows"] == parts["logits"] == 0
    # The text tower stays as drawn, but is part of the model.
    assert parts["weights"] == 6100


def test_workers_share_batch_and_table_but_not_the_towers() -> None:
    one, four = (cost.memory(TRAINING, workers) for workers in (1, 4))
    for name in ("weights", "gradients", "AdamW", "averaged weights"):
        assert four[name] == one[name]
    for name in ("activations", "logits"):
        assert four[name] == one[name] // 4
    assert four["gradient buckets"] == four["gradients"]
    assert one["gradient buckets"] == 0
    assert four["class table"] == 26 * (12 * 8 + 4) < one["class table"] / 3.8


def test_a_table_in_host_memory_takes_none_of_the_gpu() -> None:
    inside, outside = (cost.memory(replace(TRAINING, table_in_host=held), 1) for held in (False, True))
    assert inside["class table"] > outside["class table"] == 0
    assert inside | {"class table": 0} == outside


def test_workers_that_cannot_share_the_batch_are_refused() -> None:
    with pytest.raises(ParameterError, match=r"pretrain.batch is 16, which 3 workers cannot share evenly"):
        cost.memory(TRAINING, 3)


@pytest.mark.parametrize(("classes", "width"), [(1, 16), (1000, 64)])
def test_the_table_has_the_bytes_that_the_real_one_has(classes: int, width: int) -> None:
    table = ClassTable(classes, width, 3, torch.device("cpu"))
    assert cost.table_bytes(classes, width) == table.nbytes


def test_the_papers_tables_are_exact() -> None:
    """Twelve bytes a number, for weight and two moments, and four a row."""
    assert cost.table_bytes(2_000_000, 1024) == 2_000_000 * 12_292
    assert cost.table_bytes(3_100_000, 512, workers=64) == 48_438 * 6_148
    assert cost.table_rows(3_100_000, 64) * 64 >= 3_100_000


@pytest.mark.parametrize("parts", [1, 4])
def test_as_many_images_as_would_fit_do_fit_and_one_more_of_each_part_does_not(parts: int) -> None:
    capacity, training = 400_000.0, replace(TRAINING, parts=parts)
    most = cost.most_images(training, 1, capacity)
    room = (1 - cost.HEADROOM) * capacity
    sizes = cost.memory(training, 1)
    growing = sum(sizes[name] for name in ("activations", "embeddings of all parts", "logits"))
    fixed, each = sum(sizes.values()) - growing, growing / 16
    assert most % parts == 0
    assert fixed + most * each <= room < fixed + (most + parts) * each
    assert cost.most_images(TRAINING, 1, 1000.0) == 0


def test_hours_follow_from_operations_peak_and_efficiency() -> None:
    peak = 4.0 * cost.operations_per_image(TRAINING)
    assert cost.images_per_second(TRAINING, 8, peak, 0.5) == pytest.approx(16)
    assert cost.gpu_hours(TRAINING, peak, 0.5) == pytest.approx(1)


def test_a_batch_samples_no_more_classes_than_there_are() -> None:
    assert replace(TRAINING, negatives=1_000_000).sampled == 101
    assert replace(TRAINING, negatives=3).sampled == 16


@pytest.mark.parametrize(
    ("recipe", "texts", "classes"), [("clip", True, 0), ("supervised", False, 9), ("multitask", True, 9)]
)
def test_a_recipe_costs_what_it_uses(make_parameters: MakeParameters, recipe: str, texts: bool, classes: int) -> None:
    planned = cost.plan_training(recipe, make_parameters("vit"), 9, precision=Precision.FP32)
    assert (planned.reads_texts, planned.classes, planned.averaged) == (texts, classes, True)


def test_a_file_s_parts_and_dropped_patches_are_counted(make_parameters: MakeParameters) -> None:
    whole, half = (
        cost.plan_training("clip", make_parameters("vit", **changes), 9, precision=Precision.FP32)
        for changes in ({}, {"accumulate": 4, "patch_dropout": 0.5})
    )
    assert (whole.parts, half.parts) == (1, 4)
    assert half.towers.image_pass.forward < whole.towers.image_pass.forward
    with pytest.raises(ParameterError, match=r"pretrain.patch_dropout is 0.5, but .* is a ResNet"):
        cost.plan_training("clip", make_parameters(patch_dropout=0.5), 9, precision=Precision.FP32)


def test_a_text_longer_than_the_context_is_refused(make_parameters: MakeParameters) -> None:
    with pytest.raises(ParameterError, match=r"--text-tokens is 9, but .* reads 8 at most"):
        cost.plan_training("clip", make_parameters("vit"), 9, precision=Precision.FP32, text_tokens=9)


def test_gpus_are_known_by_name_or_given() -> None:
    assert gpus.choose_gpu("a100-80gb", None, None, Precision.BF16).tflops == 312
    assert gpus.choose_gpu("h100", None, 94, Precision.BF16).memory == 94
    assert gpus.choose_gpu("mine", 50, 12, Precision.FP32) == gpus.Gpu(50, 12)
    with pytest.raises(ParameterError, match=r"--gpu is 'mine'; name one of a100-40gb, .* or give --peak-tflops"):
        gpus.choose_gpu("mine", None, 12, Precision.BF16)
    with pytest.raises(ParameterError, match=r"--precision is fp32, .* give --peak-tflops"):
        gpus.choose_gpu("h100", None, None, Precision.FP32)


@pytest.mark.parametrize("wrong", ["", "0", "1,,2", "-1", "many"])
def test_workers_are_whole_numbers(wrong: str) -> None:
    with pytest.raises(ParameterError, match=r"--workers is .*; write whole numbers with commas"):
        table.worker_counts(wrong)


def test_the_command_prints_what_the_equations_say() -> None:
    result = CliRunner().invoke(app, ["cost", "--params", str(OWN), "--workers", "1,8"], env={"COLUMNS": "200"})
    assert result.exit_code == 0, result.output
    rows = {line.split("  ")[0].strip(): line.split() for line in result.output.splitlines()}
    knobs = parameters.load(OWN).pretrain
    planned = cost.plan_training("multitask", knobs, 2_000_000, precision=Precision.BF16)
    hours = cost.gpu_hours(planned, 989e12, 0.4)
    assert float(rows["GPU-hours"][-1]) == pytest.approx(hours, abs=1e-3)
    assert rows["images of a step"][-2:] == [str(knobs.batch), str(knobs.batch // 8)]
    whole = cost.table_bytes(3_100_000, planned.towers.width) / 1e9
    assert float(rows["3,100,000 classes"][3]) == pytest.approx(whole, rel=0.01)
    assert rows["fits into 72.0 GB"][-2:] == ["yes", "yes"]
