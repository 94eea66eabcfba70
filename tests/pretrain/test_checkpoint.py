"""Checkpoints: whole or absent, and a killed training ends as an undisturbed one."""

import logging
import multiprocessing
import os
import signal
from pathlib import Path

import pytest
import torch

from components.errors import InputError
from components.pretrain import checkpoint
from components.pretrain.job import Job
from components.pretrain.loop import run_worker
from components.stage import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.test_loop import MODEL, ignore

# Steps, between the checkpoints that come every four.
KILLED_AT = {"multitask": 6, "clip": 9}


class Killer(logging.Handler):
    """Kills its own process when the line of a step is logged."""

    def __init__(self, step: int) -> None:
        super().__init__()
        self.line = f"step {step} of"

    def emit(self, record: logging.LogRecord) -> None:
        if self.line in record.getMessage():
            os.kill(os.getpid(), signal.SIGKILL)


def train_until_killed(job: Job, step: int) -> None:
    torch.set_num_threads(1)
    logger = logging.getLogger("components.pretrain.progress")
    logger.setLevel(logging.INFO)
    logger.addHandler(Killer(step))
    run_worker(job, ignore)


def test_killed_trainings_end_with_the_weights_of_undisturbed_ones(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    killed = {recipe: make_job(recipe, tmp_path / "killed" / recipe, log_every=1e-9) for recipe in KILLED_AT}
    spawn = multiprocessing.get_context("spawn")
    processes = [spawn.Process(target=train_until_killed, args=(job, KILLED_AT[r])) for r, job in killed.items()]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
        assert process.exitcode == -signal.SIGKILL
    for recipe, job in killed.items():
        assert not job.result.exists()
        with caplog.at_level(logging.INFO, logger="components.pretrain"):
            run_worker(job, ignore)
        assert f"{recipe} goes on after step {KILLED_AT[recipe] // 4 * 4} of 10" in caplog.messages
        undisturbed = make_job(recipe, tmp_path / "undisturbed" / recipe)
        run_worker(undisturbed, ignore)
        for path in undisturbed.model.iterdir():
            assert (job.model / path.name).read_bytes() == path.read_bytes()
        assert read_json(job.result) == read_json(undisturbed.result)


def test_a_finished_training_is_not_repeated_when_its_result_got_lost(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("multitask", tmp_path)
    run_worker(job, ignore)
    result, weights = job.result.read_bytes(), (job.model / MODEL).read_bytes()
    job.result.unlink()
    reports: list[dict[str, float]] = []
    run_worker(job, reports.append)
    assert reports == []
    assert (job.result.read_bytes(), (job.model / MODEL).read_bytes()) == (result, weights)


def test_the_newest_two_are_kept(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    assert [path.name for path in checkpoint.finished(job.checkpoints)] == ["00000008", "00000010"]


def test_a_half_written_one_is_not_found(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    partial = job.checkpoints / "00000099.part"
    partial.mkdir()
    (partial / "towers.safetensors").write_bytes(b"half")
    assert [path.name for path in checkpoint.finished(job.checkpoints)] == ["00000008", "00000010"]


@pytest.mark.parametrize(
    "damaged", ["towers.safetensors", "optimiser.safetensors", "average.safetensors", "state.json"]
)
def test_a_damaged_one_is_named(make_job: MakeJob, tmp_path: Path, damaged: str) -> None:
    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    file = job.checkpoints / "00000010" / damaged
    file.write_bytes(file.read_bytes()[: file.stat().st_size // 2])
    with pytest.raises(InputError, match=r"checkpoint \S*00000010 cannot be read .*delete that folder"):
        run_worker(job, ignore)


def test_without_the_damaged_one_it_goes_on_from_the_one_before(make_job: MakeJob, tmp_path: Path) -> None:
    import shutil

    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    weights = (job.model / MODEL).read_bytes()
    shutil.rmtree(job.checkpoints / "00000010")
    job.result.unlink()
    run_worker(job, ignore)
    assert (job.model / MODEL).read_bytes() == weights


def test_no_pickle_is_written(make_job: MakeJob, tmp_path: Path) -> None:
    run_worker(make_job("multitask", tmp_path), ignore)
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert suffixes <= {".safetensors", ".json"}
