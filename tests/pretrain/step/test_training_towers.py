"""Towers of every size, and the ways to train them that save memory or time."""

import itertools
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor

from components.errors import ParameterError
from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.step.optimiser import make_optimiser
from components.pretrain.step.precision import uses_bf16
from components.pretrain.step.training_towers import build_for_training
from components.pretrain.training.forward import ForwardPass
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob, MakeParameters
from tests.pretrain.step.test_grad_cache import one_step
from tests.pretrain.training.test_loop import ignore

CPU = torch.device("cpu")


@pytest.mark.parametrize(
    ("name", "millions", "width"),
    [("ViT-B-16", 149.6, 512), ("ViT-L-14", 427.6, 768), ("ViT-H-14", 986.1, 1024), ("ViT-B-16-SigLIP", 203.2, 768)],
)
def test_large_towers_build(name: str, millions: float, width: int) -> None:
    """Without memory for their weights: what is tested is that their configs become modules."""
    with torch.device("meta"):
        config = towers.read_config(name)
        model = towers.build(config, 1)
    assert config.width == width
    assert sum(p.numel() for p in model.parameters()) / 1e6 == pytest.approx(millions, abs=0.1)


@pytest.mark.parametrize("name", ["RN50", "ViT-B-16", "ViT-B-16-SigLIP", "convnext_tiny"])
def test_what_decays_is_what_open_clip_decays_but_for_embeddings(name: str) -> None:
    with torch.device("meta"):
        model = towers.build(towers.read_config(name), 1)
    names = {id(parameter): name for name, parameter in model.named_parameters()}
    groups = make_optimiser(model, 0.1, 0.05).param_groups
    decayed = {names[id(p)] for group in groups if group["weight_decay"] for p in group["params"]}
    # open_clip_train.main's rule.
    theirs = {
        n
        for n, p in model.named_parameters()
        if not (p.ndim < 2 or "bn" in n or "ln" in n or "bias" in n or "logit_scale" in n)
    }
    assert decayed < theirs
    assert all(any(part in n for part in ("embedding", "pos_embed", "cls_token")) for n in theirs - decayed)
    first = ("visual.conv1.weight", "visual.trunk.patch_embed.proj.weight", "visual.trunk.stem.0.weight")
    assert decayed & set(first)


def curve(make_job: MakeJob, work: Path, **changes: Any) -> list[dict[str, float]]:
    job = make_job("multitask", work, "vit", images_seen=64, **changes)
    run_worker(job, ignore)
    points: list[dict[str, float]] = read_json(job.result)["curve"]
    return points


def test_activations_computed_again_give_the_same_training(make_job: MakeJob, tmp_path: Path) -> None:
    kept, again = (curve(make_job, tmp_path / str(on), gradient_checkpointing=on) for on in (False, True))
    for left, right in itertools.zip_longest(kept, again):
        assert left == pytest.approx(right, rel=1e-6, abs=1e-6)


def test_blocks_are_really_computed_again(make_parameters: MakeParameters, tower_files: dict[str, Path]) -> None:
    config = towers.read_config(str(tower_files["vit"]))
    counts = []
    for on in (False, True):
        model: Any = build_for_training(config, make_parameters("vit", gradient_checkpointing=on))
        calls: list[None] = []
        model.visual.transformer.resblocks[0].attn.register_forward_hook(lambda *_, calls=calls: calls.append(None))
        one_step(model, config, 12)
        counts.append(len(calls))
    assert counts == [1, 2]


def test_training_with_fewer_patches_learns_and_is_a_whole_tower_afterwards(make_job: MakeJob, tmp_path: Path) -> None:
    whole, fewer = (curve(make_job, tmp_path / str(share), patch_dropout=share) for share in (0.0, 0.5))
    assert fewer[0]["loss"] != whole[0]["loss"]
    assert fewer[-1]["loss"] < fewer[0]["loss"]
    assert (
        "patch_dropout"
        not in read_json(tmp_path / "0.5" / "model" / "open_clip_config.json")["model_cfg"]["vision_cfg"]
    )


@pytest.mark.parametrize("change", [{"patch_dropout": 0.5}, {"gradient_checkpointing": True}])
def test_what_a_resnet_cannot_do_is_an_error(
    make_parameters: MakeParameters, tower_files: dict[str, Path], change: dict[str, Any]
) -> None:
    with pytest.raises(ParameterError, match=rf"pretrain.{next(iter(change))} is .* is a ResNet"):
        build_for_training(towers.read_config(str(tower_files["resnet"])), make_parameters("resnet", **change))


def test_a_cpu_never_takes_bf16_by_itself() -> None:
    assert [uses_bf16(wanted, CPU) for wanted in ("auto", "fp32", "bf16")] == [False, False, True]


def embeddings(config: TowerConfig, precision: str, device: torch.device) -> list[Tensor]:
    from tests.pretrain.step.test_grad_cache import batch

    model = towers.build(config, 1).to(device=device, memory_format=torch.channels_last)  # type: ignore[call-overload]
    pictures, tokens = (tensor.to(device) for tensor in batch(6))
    return [tensor.detach().cpu() for tensor in ForwardPass(model.train(), config, device, precision)(pictures, tokens)]


@pytest.mark.parametrize("tower", ["vit", "resnet"])
def test_bf16_embeddings_are_float32_again_and_close(tower_files: dict[str, Path], tower: str) -> None:
    config = towers.read_config(str(tower_files[tower]))
    exact, rounded = (embeddings(config, precision, CPU) for precision in ("fp32", "bf16"))
    for one, two in zip(exact, rounded, strict=True):
        assert two.dtype == torch.float32
        torch.testing.assert_close(one, two, atol=0.05, rtol=0)
    assert not torch.equal(exact[0], rounded[0])


@pytest.mark.slow
def test_compiled_towers_train_alike(make_job: MakeJob, tmp_path: Path) -> None:
    """Slow: the compiler runs for each shape."""
    plain, compiled = (curve(make_job, tmp_path / str(on), compile=on) for on in (False, True))
    for left, right in itertools.zip_longest(plain, compiled):
        assert left == pytest.approx(right, rel=1e-3, abs=1e-3)
