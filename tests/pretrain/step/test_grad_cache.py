"""A batch in parts has the gradient of the whole."""

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from components.models import towers
from components.models.config import TowerConfig
from components.pretrain.step.grad_cache import Embeddings, GradCache
from components.pretrain.step.losses import info_nce
from components.pretrain.step.training_towers import build_for_training
from components.pretrain.training.forward import ForwardPass
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob, MakeParameters
from tests.pretrain.training.test_loop import RECIPES, ignore


def batch(pictures: int) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(5)
    tokens = torch.randint(1, 1000, (pictures, 8), generator=generator)
    tokens[torch.arange(pictures), torch.arange(pictures) % 6 + 2] = 49407
    return torch.rand(pictures, 3, 32, 32, generator=generator), tokens


def one_step(model: nn.Module, config: TowerConfig, most: int) -> tuple[float, dict[str, Tensor]]:
    """The contrastive loss of a batch of 12, `most` at a time, and the gradient that it leaves."""
    passes = GradCache(ForwardPass(model.train(), config, torch.device("cpu")), most)
    torch.manual_seed(1)
    images, texts, scale = passes.forward(*batch(12))
    assert texts is not None
    loss = info_nce(scale * images @ texts.T, scale * texts @ images.T, torch.arange(12))
    passes.backward(loss)
    return float(loss.detach()), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


@pytest.mark.parametrize("recipe", RECIPES)
def test_every_recipe_trains_in_parts_as_in_one(make_job: MakeJob, tmp_path: Path, recipe: str) -> None:
    curves: list[list[dict[str, float]]] = []
    for parts in (1, 4):
        job = make_job(recipe, tmp_path / str(parts), "vit", accumulate=parts, images_seen=64)
        run_worker(job, ignore)
        curves.append(read_json(job.result)["curve"])
    assert len(curves[0]) == len(curves[1]) == 8
    for whole, parted in zip(*curves, strict=True):
        assert parted == pytest.approx(whole, rel=1e-5, abs=1e-5)


@pytest.mark.parametrize("most", [6, 5, 4, 1])
def test_the_gradient_is_that_of_the_whole_batch(tower_files: dict[str, Path], most: int) -> None:
    config = towers.read_config(str(tower_files["vit"]))
    loss, gradient = one_step(towers.build(config, 1), config, 12)
    parted_loss, parted = one_step(towers.build(config, 1), config, most)
    assert parted_loss == pytest.approx(loss, rel=1e-6)
    assert parted.keys() == gradient.keys()
    assert {"logit_scale", "token_embedding.weight", "visual.conv1.weight"} <= gradient.keys()
    for name, whole in gradient.items():
        torch.testing.assert_close(parted[name], whole, atol=1e-5, rtol=1e-4, msg=name)


def test_both_passes_of_a_part_drop_the_same_patches(
    make_parameters: MakeParameters, tower_files: dict[str, Path]
) -> None:
    """Else the loss would be taken of other embeddings than its gradient flows through."""
    config = towers.read_config(str(tower_files["vit"]))
    model: Any = build_for_training(config, make_parameters("vit", patch_dropout=0.5))
    kept: list[Tensor] = []
    model.visual.transformer.register_forward_pre_hook(lambda _, arguments: kept.append(arguments[0].detach().clone()))
    one_step(model, config, 4)
    assert [len(tokens[0]) for tokens in kept] == [3] * 6
    for first, second in zip(kept[:3], kept[3:], strict=True):
        assert torch.equal(first, second)
    assert not torch.equal(kept[0], kept[1])


def test_norm_statistics_count_every_picture_once(tower_files: dict[str, Path]) -> None:
    config = towers.read_config(str(tower_files["resnet"]))
    model: Any = towers.build(config, 1)
    one_step(model, config, 4)
    assert int(model.visual.bn1.num_batches_tracked) == 3


@pytest.mark.parametrize(("accumulate", "most"), [(1, 4), (2, 2), (3, 2)])
def test_a_worker_that_is_left_alone_takes_no_more_at_a_time(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, accumulate: int, most: int
) -> None:
    """Memory for a share in parts suffices for shares twice as large, with half of the workers."""
    sizes = set[int]()
    forward = ForwardPass.forward

    def seen(self: ForwardPass, pictures: Tensor, tokens: Tensor | None) -> Embeddings:
        sizes.add(len(pictures))
        return forward(self, pictures, tokens)

    monkeypatch.setattr(ForwardPass, "forward", seen)
    run_worker(make_job("multitask", tmp_path, "vit", workers=2, accumulate=accumulate, images_seen=16), ignore)
    assert sizes == {most}
