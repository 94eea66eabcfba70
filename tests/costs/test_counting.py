"""Counts of operations and bytes, against published ones and against what the loop really does."""

import gc
import json
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import Any

import pytest
import torch
from torch.profiler import ProfilerActivity, profile
from torch.utils.flop_counter import FlopCounterMode

from components.costs import estimate as cost
from components.costs.counting import TowerCosts, count_towers
from components.costs.estimate import Training
from components.costs.gpus import Precision
from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.job import Job
from components.pretrain.step.training_towers import training_config
from components.pretrain.training.loop import run_worker
from tests.pretrain.conftest import MakeJob, MakeParameters
from tests.pretrain.training.test_loop import ignore
from tests.registry.conftest import TINY

# open_clip, docs/model_profile.csv: GFLOPs of the image tower and of the text tower with 77 tokens,
# forwards, an image; millions of parameters of both.
PUBLISHED = {
    "ViT-B-16": (35.13, 5.96, 86.19, 63.43),
    "ViT-L-14": (162.03, 13.3, 303.97, 123.65),
    "ViT-H-14": (334.59, 47.09, 632.08, 354.03),
}
# Large compared to the batch, so that what is measured is what is modelled.
MIDDLE = TINY["model_cfg"] | {
    "embed_dim": 64,
    "vision_cfg": {"layers": 4, "width": 128, "head_width": 32, "patch_size": 4, "image_size": 32},
    "text_cfg": {"context_length": 16, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 2},
}
RESNET = MIDDLE | {"vision_cfg": {"layers": [1, 1, 1, 1], "width": 16, "head_width": 32, "image_size": 32}}
BATCH = 48


@lru_cache
def built_in(name: str) -> TowerCosts:
    return count_towers(towers.read_config(name), Precision.FP32)


@pytest.mark.parametrize("name", PUBLISHED)
def test_operations_and_parameters_are_those_that_open_clip_publishes(name: str) -> None:
    image, text, image_parameters, text_parameters = PUBLISHED[name]
    counted = built_in(name)
    # Published with two decimals.
    assert counted.image_pass.forward / 1e9 == pytest.approx(image, abs=0.0051)
    assert counted.text_pass.forward / 1e9 == pytest.approx(text, abs=0.0051)
    assert counted.image.parameters / 1e6 == pytest.approx(image_parameters, abs=0.0051)
    assert counted.text.parameters / 1e6 == pytest.approx(text_parameters, abs=0.0051)


def test_a_vit_keeps_what_its_shape_says() -> None:
    """float32, per block: inputs of norms and products, q, k, v, attention, hidden layer twice."""
    layers, tokens, width = 12, 197, 768
    block = tokens * width * (2 + 2 + 3 + 1 + 4 + 4) * 4
    assert built_in("ViT-B-16").image_pass.kept == pytest.approx(layers * block, rel=0.03)


def test_bf16_keeps_half_of_the_products_and_a_copy_of_the_matrices() -> None:
    config = TowerConfig(MIDDLE, TINY["preprocess_cfg"])
    single, half = (count_towers(config, precision).image_pass for precision in Precision)
    assert 0.5 * single.kept < half.kept < 0.65 * single.kept
    matrices = [p for p in towers.build(config, 0).get_submodule("visual").parameters() if p.ndim >= 2]
    assert half.copies == pytest.approx(2 * sum(p.numel() for p in matrices), rel=0.02)
    assert (half.forward, half.backward) == (single.forward, single.backward)


def test_gradient_checkpointing_keeps_less_and_computes_more() -> None:
    counted = count_towers(TowerConfig(MIDDLE, TINY["preprocess_cfg"]), Precision.FP32)
    one = counted.image_pass
    inputs = 4 * 65 * 128 * 4
    assert inputs + one.kept / 5 < one.kept_checkpointed < inputs + one.kept / 3
    assert 0.6 * one.forward < one.recomputed < one.forward


def test_a_tower_without_blocks_has_nothing_to_compute_anew() -> None:
    one = count_towers(TowerConfig(RESNET, TINY["preprocess_cfg"]), Precision.FP32).image_pass
    assert (one.kept_checkpointed, one.recomputed) == (one.kept, 0)


def test_dropped_patches_cost_nothing(make_parameters: MakeParameters) -> None:
    config, half = TowerConfig(MIDDLE, TINY["preprocess_cfg"]), make_parameters("vit", patch_dropout=0.5)
    whole, rest = (count_towers(one, Precision.FP32) for one in (config, training_config(config, half)))
    assert rest.image_pass.forward == pytest.approx(whole.image_pass.forward / 2, rel=0.05)
    assert rest.image_pass.kept == pytest.approx(whole.image_pass.kept / 2, rel=0.05)
    assert (rest.image, rest.text_pass) == (whole.image, whole.text_pass)


def test_short_texts_cost_in_proportion() -> None:
    config = TowerConfig(MIDDLE, TINY["preprocess_cfg"])
    short, long = (count_towers(config, Precision.FP32, tokens).text_pass for tokens in (4, 16))
    assert short.forward == pytest.approx(long.forward / 4, rel=0.1)
    assert count_towers(config, Precision.FP32, 4).text == count_towers(config, Precision.FP32).text


def one_step(make_job: MakeJob, folder: Path, recipe: str, model: dict[str, Any], **changes: Any) -> Job:
    """A job of a single step with all pictures, and no measurement after it."""
    folder.mkdir(parents=True, exist_ok=True)
    tower = folder / "tower.json"
    tower.write_text(json.dumps({"model_cfg": model, "preprocess_cfg": TINY["preprocess_cfg"]}), encoding="utf-8")
    text = {"name": 1.0, "name_and_description": 0.0, "alt_text": 0.0}
    job = make_job(recipe, folder / "work", images_seen=BATCH, batch=BATCH, text=text, **changes)
    parameters = job.parameters.model_copy(update={"tower": str(tower)})
    return replace(job, parameters=parameters, tower=towers.read_config(str(tower)), validation=None)


def planned(job: Job, tokens: int | None = None) -> Training:
    again = job.parameters.gradient_checkpointing
    return cost.plan_training(
        job.recipe, job.parameters, 6, precision=Precision.FP32, checkpointing=again, text_tokens=tokens
    )


@pytest.mark.parametrize(
    ("recipe", "model", "changes"),
    [
        ("clip", MIDDLE, {}),
        ("supervised", MIDDLE, {}),
        ("contrastive", RESNET, {}),
        ("multitask", MIDDLE, {}),
        ("multitask", MIDDLE, {"accumulate": 3}),
        ("supervised", MIDDLE, {"accumulate": 2, "gradient_checkpointing": True}),
        ("clip", MIDDLE, {"patch_dropout": 0.5}),
    ],
    ids=["clip", "supervised", "contrastive-resnet", "multitask", "in-parts", "in-parts-again", "patches-dropped"],
)
def test_the_loop_does_as_many_operations_as_predicted(
    make_job: MakeJob, tmp_path: Path, recipe: str, model: dict[str, Any], changes: dict[str, Any]
) -> None:
    job = one_step(make_job, tmp_path, recipe, model, **changes)
    with FlopCounterMode(display=False) as counter:
        run_worker(job, ignore)
    # Every name is one token between start and end; alt texts are two.
    tokens = 4 if recipe == "clip" else 3
    predicted = BATCH * cost.operations_per_image(planned(job, tokens))
    # What the augmentation's colours cost is not in the prediction.
    assert predicted < counter.get_total_flops() < 1.001 * predicted


def alive() -> dict[int, int]:
    """Memory of all tensors that exist: address → bytes."""
    gc.collect()
    kinds = (torch.Tensor, torch.nn.Parameter)
    found = [thing.untyped_storage() for thing in gc.get_objects() if type(thing) in kinds]
    return {storage.data_ptr(): storage.nbytes() for storage in found}


@pytest.mark.parametrize(("recipe", "average"), [("supervised", 0.0), ("multitask", 0.9)])
def test_the_memory_between_two_steps_is_as_predicted(
    make_job: MakeJob, tmp_path: Path, recipe: str, average: float
) -> None:
    job = one_step(make_job, tmp_path, recipe, MIDDLE, average_decay=average)
    before = alive()
    measured: list[int] = []
    run_worker(job, lambda _: measured.append(sum(s for at, s in alive().items() if at not in before)))
    parts = cost.memory(planned(job, 3), workers=1)
    predicted = sum(parts[name] for name in ("weights", "AdamW", "averaged weights", "class table"))
    predicted += cost.checkpoint_bytes(planned(job, 3), workers=1)  # on its way to the disk
    # The batch itself, at most: pictures as bytes and as floats, and the embeddings.
    batch = BATCH * 3 * 32 * 32 * (1 + 4 + 4) + 100_000
    assert predicted <= measured[-1] <= predicted + batch < 1.1 * predicted


@pytest.mark.parametrize(
    ("recipe", "model", "changes"),
    [
        ("clip", MIDDLE, {}),
        ("supervised", RESNET, {}),
        ("clip", MIDDLE, {"accumulate": 2}),
        ("clip", MIDDLE, {"patch_dropout": 0.5}),
    ],
    ids=["clip", "supervised-resnet", "in-parts", "patches-dropped"],
)
def test_the_peak_of_a_step_is_below_the_predicted_memory_and_not_far(
    make_job: MakeJob, tmp_path: Path, recipe: str, model: dict[str, Any], changes: dict[str, Any]
) -> None:
    job = one_step(make_job, tmp_path, recipe, model, **changes)
    with profile(activities=[ProfilerActivity.CPU], profile_memory=True) as profiler:
        run_worker(job, ignore)
    training = planned(job, 4 if recipe == "clip" else 3)
    step, checkpoint = sum(cost.memory(training, workers=1).values()), cost.checkpoint_bytes(training, workers=1)
    # On a CPU the copy for the checkpoint is memory of the same kind; it is made when activations
    # have been given back.
    assert 0.75 * step < peak(profiler) < step + checkpoint


def peak(profiler: profile) -> int:
    """Most bytes that were allocated at one time."""
    assert profiler.profiler is not None and profiler.profiler.kineto_results is not None
    events = [e for e in profiler.profiler.kineto_results.events() if e.name() == "[memory]"]
    now = most = 0
    for event in sorted(events, key=lambda e: e.start_ns()):
        now += event.nbytes()
        most = max(most, now)
    return most
