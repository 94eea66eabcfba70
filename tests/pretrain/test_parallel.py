"""Two workers of one step, over gloo, against one."""

import multiprocessing
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from components.pretrain.job import Job
from components.pretrain.loop import run_worker
from components.stage import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.test_loop import ignore


def train_as_one_of_two(jobs: list[Job], rank: int, meeting: Path) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    for job in jobs:
        run_worker(job, ignore)
        dist.barrier()
    dist.destroy_process_group()


@pytest.fixture
def curves(make_job: MakeJob, tmp_path: Path) -> dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]]:
    """Curves of two workers and of one, by recipe, for towers without BatchNorm."""
    recipes = ("clip", "multitask", "supervised")
    together = [make_job(recipe, tmp_path / f"two-{recipe}", "vit", negatives=3) for recipe in recipes]
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=train_as_one_of_two, args=(together, r, tmp_path / "meeting")) for r in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]
    alone = [make_job(recipe, tmp_path / f"one-{recipe}", "vit", negatives=3) for recipe in recipes]
    for job in alone:
        run_worker(job, ignore)
    return {
        recipe: (read_json(two.result)["curve"], read_json(one.result)["curve"])
        for recipe, two, one in zip(recipes, together, alone, strict=True)
    }


def test_two_workers_have_the_losses_of_one(
    curves: dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]],
) -> None:
    for recipe, (two, one) in curves.items():
        assert len(two) == len(one) == 10
        for left, right in zip(two, one, strict=True):
            assert left == pytest.approx(right, rel=1e-5, abs=1e-5), recipe
