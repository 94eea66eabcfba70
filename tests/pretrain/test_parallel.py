"""Two workers of one step, over gloo, against one."""

import multiprocessing
import shutil
from pathlib import Path

import pytest
import torch
import torch.distributed as dist

from components.pretrain.depot import MANIFEST
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


def train_in_two(jobs: list[Job], meeting: Path) -> None:
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=train_as_one_of_two, args=(jobs, rank, meeting)) for rank in range(2)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert [worker.exitcode for worker in workers] == [0, 0]


@pytest.fixture
def curves(make_job: MakeJob, tmp_path: Path) -> dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]]:
    """Curves of two workers and of one, by recipe, for towers without BatchNorm."""
    recipes = ("clip", "multitask", "supervised")
    together = [make_job(recipe, tmp_path / f"two-{recipe}", "vit", negatives=3) for recipe in recipes]
    train_in_two(together, tmp_path / "meeting")
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


def forget_from(job: Job, step: int) -> None:
    """As if the training had been lost after the checkpoint before `step`."""
    job.result.unlink()
    for folder in Path(job.checkpoints).iterdir():
        if int(folder.name.partition("-")[0]) >= step:
            shutil.rmtree(folder)


def test_another_number_of_workers_goes_on_with_the_same_losses(make_job: MakeJob, tmp_path: Path) -> None:
    knobs = {"negatives": 3, "keep_checkpoints": 9}
    alone, together = (make_job("multitask", tmp_path / name, "vit", **knobs) for name in ("alone", "together"))
    for job in (alone, together):
        run_worker(job, ignore)
    undisturbed = read_json(alone.result)["curve"]

    forget_from(together, 8)
    (folder,) = Path(together.checkpoints).iterdir()
    assert read_json(folder / MANIFEST)["workers"] == 1
    train_in_two([together], tmp_path / "meeting")
    written = {read_json(path)["workers"] for path in Path(together.checkpoints).glob(f"*/{MANIFEST}")}
    assert written == {1, 2}
    compare(read_json(together.result)["curve"], undisturbed)

    forget_from(together, 10)
    run_worker(together, ignore)
    compare(read_json(together.result)["curve"], undisturbed)


def compare(one: list[dict[str, float]], other: list[dict[str, float]]) -> None:
    assert len(one) == len(other) == 10
    for left, right in zip(one, other, strict=True):
        assert left == pytest.approx(right, rel=1e-5, abs=1e-5)
