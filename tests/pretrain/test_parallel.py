"""Two workers of one step, over gloo, against one."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from components.pretrain.depot import MANIFEST
from components.pretrain.job import Job
from components.pretrain.loop import run_worker
from components.stage import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.test_loop import ignore
from tests.pretrain.two_workers import train_in_two


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parallel")


@pytest.fixture(scope="module")
def curves(make_job: MakeJob, folder: Path) -> dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]]:
    """Curves of two workers and of one, by recipe, for towers without BatchNorm."""
    torch.set_num_threads(1)
    recipes = ("clip", "multitask", "supervised")
    together = [make_job(recipe, folder / f"two-{recipe}", "vit", negatives=3) for recipe in recipes]
    train_in_two(together, folder / "meeting")
    alone = [make_job(recipe, folder / f"one-{recipe}", "vit", negatives=3) for recipe in recipes]
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
    """As if the training had been lost before `step`."""
    job.result.unlink()
    for place in Path(job.checkpoints).iterdir():
        if int(place.name.partition("-")[0]) >= step:
            shutil.rmtree(place)


def writers(job: Job) -> set[int]:
    """How many workers wrote the checkpoints that are there."""
    return {read_json(path)["workers"] for path in Path(job.checkpoints).glob(f"*/{MANIFEST}")}


def test_another_number_of_workers_goes_on_from_a_checkpoint(
    curves: dict[str, tuple[list[dict[str, float]], list[dict[str, float]]]], make_job: MakeJob, folder: Path
) -> None:
    """Two are followed by one, and one is followed by two."""
    two, one = (make_job("multitask", folder / f"{name}-multitask", "vit", negatives=3) for name in ("two", "one"))
    assert (writers(two), writers(one)) == ({2}, {1})
    for job in (two, one):
        forget_from(job, 10)
    run_worker(two, ignore)
    train_in_two([one], folder / "meeting-again")
    assert writers(two) == writers(one) == {1, 2}
    for job in (two, one):
        for left, right in zip(read_json(job.result)["curve"], curves["multitask"][1], strict=True):
            assert left == pytest.approx(right, rel=1e-5, abs=1e-5)
    tables = [load_file(job.model / "classes.safetensors") for job in (two, one)]
    torch.testing.assert_close(tables[0]["weight"], tables[1]["weight"], atol=1e-4, rtol=1e-4)
