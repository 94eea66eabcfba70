"""A training that two workers began and one ends, and the other way round."""

import shutil
from pathlib import Path

import pytest
import torch
from safetensors.torch import load_file

from components.pretrain.job import Job
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import ignore
from tests.pretrain.two_workers import train_in_two, writers


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parallel")


@pytest.fixture(scope="module")
def jobs(make_job: MakeJob, folder: Path) -> list[Job]:
    """Of two workers and of one, taken to their ends."""
    torch.set_num_threads(1)
    two, one = (make_job("multitask", folder / name, "vit", negatives=3) for name in ("two", "one"))
    train_in_two([two], folder / "meeting")
    run_worker(one, ignore)
    return [two, one]


def forget_from(job: Job, step: int) -> None:
    """As if the training had been lost before `step`."""
    job.result.unlink()
    for folder in Path(job.checkpoints).iterdir():
        if int(folder.name.partition("-")[0]) >= step:
            shutil.rmtree(folder)


def test_another_number_of_workers_resumes_from_a_checkpoint(jobs: list[Job], folder: Path) -> None:
    """One worker follows two, and two follow one."""
    two, one = jobs
    undisturbed = read_json(one.result)["curve"]
    assert (set(writers(two)), set(writers(one))) == ({2}, {1})
    for job in jobs:
        forget_from(job, 10)
    run_worker(two, ignore)
    train_in_two([one], folder / "meeting-again")
    assert set(writers(two)) == set(writers(one)) == {1, 2}
    for job in jobs:
        for left, right in zip(read_json(job.result)["curve"], undisturbed, strict=True):
            assert left == pytest.approx(right, rel=1e-5, abs=1e-5)
    tables = [load_file(job.model / "classes.safetensors") for job in jobs]
    torch.testing.assert_close(tables[0]["weight"], tables[1]["weight"], atol=1e-4, rtol=1e-4)
