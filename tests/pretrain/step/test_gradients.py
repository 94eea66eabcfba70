"""The gradient of two workers, over gloo and in parts, against that of one."""

from functools import partial
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from components.models import towers
from components.pretrain.job import Job
from components.pretrain.recipe import make_recipe
from components.pretrain.recipes import Features
from components.pretrain.step import collectives
from components.pretrain.step.grad_cache import GradCache
from components.pretrain.training.forward import ForwardPass
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.step.test_grad_cache import batch
from tests.pretrain.training.test_loop import ignore
from tests.pretrain.two_workers import train_in_two

# Recipe, and in how many parts two workers take their shares.
SETTINGS = [("contrastive", 1), ("multitask", 1), ("supervised", 1), ("multitask", 2), ("clip", 4)]
# Some pictures of the two halves share entities.
ENTITIES = torch.tensor(
    [[0, -1], [1, 2], [3, -1], [0, 4], [5, -1], [6, 0], [7, -1], [1, -1], [2, 9], [3, 8], [10, -1], [7, 6]]
)


def save_gradients(job: Job, folder: Path, rank: int) -> None:
    for name in ("clip", "contrastive"):
        for parts in (1, 3):
            left = gradient(job, name, parts)
            if rank == 0:
                save_file(left, folder / f"{name}-{parts}.safetensors")


def gradient(job: Job, name: str, parts: int) -> dict[str, Tensor]:
    """The towers' averaged gradients after this worker's share of a batch of twelve."""
    rank, workers = collectives.rank(), collectives.world_size()
    own = slice(rank * 12 // workers, (rank + 1) * 12 // workers)
    recipe = make_recipe(name, job.parameters)
    model = towers.build(job.tower, 1).train()
    model.get_parameter("logit_scale").data.fill_(1.0)
    forward: nn.Module = ForwardPass(model, job.tower, torch.device("cpu"))
    passes = GradCache(nn.parallel.DistributedDataParallel(forward) if workers > 1 else forward, 12 // workers // parts)
    pictures, tokens = batch(12)
    images, texts, scale = passes.forward(pictures[own], tokens[own])
    entities = ENTITIES[own] if recipe.uses_labels else None
    losses = recipe.losses(Features(images, texts, scale, entities=entities))
    passes.backward(torch.stack(list(losses.values())).sum())
    return {key: p.grad.contiguous() for key, p in model.named_parameters() if p.grad is not None}


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("two")


Curve = list[dict[str, float]]


@pytest.fixture
def jobs(make_job: MakeJob, folder: Path) -> list[Job]:
    return [
        make_job(recipe, folder / f"two-{recipe}-{parts}", "vit", negatives=3, accumulate=parts)
        for recipe, parts in SETTINGS
    ]


@pytest.fixture
def trained(jobs: list[Job], folder: Path) -> list[Job]:
    """The same jobs, after two workers took them to their ends; once for all tests."""
    if not (folder / "clip-1.safetensors").exists():
        train_in_two(jobs, folder / "meeting", partial(save_gradients, jobs[0], folder))
    return jobs


def test_two_workers_have_the_losses_of_one(trained: list[Job], make_job: MakeJob, tmp_path: Path) -> None:
    alone: dict[str, Curve] = {}
    for job in trained:
        if job.recipe not in alone:
            single = make_job(job.recipe, tmp_path / job.recipe, "vit", negatives=3)
            run_worker(single, ignore)
            alone[job.recipe] = read_json(single.result)["curve"]
        two: Curve = read_json(job.result)["curve"]
        assert len(two) == len(alone[job.recipe]) == 10
        for left, right in zip(two, alone[job.recipe], strict=True):
            assert left == pytest.approx(right, rel=1e-5, abs=1e-5), job.work.name


@pytest.mark.parametrize("parts", [1, 3])
@pytest.mark.parametrize("recipe", ["clip", "contrastive"])
def test_two_workers_have_the_gradient_of_one(trained: list[Job], folder: Path, recipe: str, parts: int) -> None:
    one, two = gradient(trained[0], recipe, 1), load_file(folder / f"{recipe}-{parts}.safetensors")
    assert one.keys() == two.keys()
    largest = max(float(tensor.abs().max()) for tensor in one.values())
    for name, tensor in one.items():
        torch.testing.assert_close(two[name], tensor, atol=1e-5 * largest, rtol=1e-5, msg=name)
