"""Checkpoints are complete or absent, and a killed training ends with the same weights."""

import errno
import logging
import multiprocessing
import os
import shutil
import signal
import time
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from components.errors import InputError, SetupError
from components.pretrain.checkpoints import writer
from components.pretrain.checkpoints.manifest import FileDigest
from components.pretrain.checkpoints.store import MANIFEST, open_store
from components.pretrain.job import Job
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.endpoint import BUCKET, Endpoint
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import MODEL, ignore

TOKEN = "0" * 8
# Steps, between the checkpoints that come every four.
KILLED_AT = {"multitask": 6, "clip": 9}


class Killer(logging.Handler):
    """Kills its own process when a step is logged, once the checkpoint before it is complete."""

    def __init__(self, job: Job, step: int) -> None:
        super().__init__()
        self.job, self.line, self.before = job, f"step {step} of", step // 4 * 4

    def emit(self, record: logging.LogRecord) -> None:
        if self.line in record.getMessage():
            while self.before not in complete(self.job):
                time.sleep(0.01)
            os.kill(os.getpid(), signal.SIGKILL)


def train_until_killed(job: Job, step: int) -> None:
    torch.set_num_threads(1)
    logger = logging.getLogger("components.pretrain.training.progress")
    logger.setLevel(logging.INFO)
    logger.addHandler(Killer(job, step))
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
        assert f"{recipe} resumes after step {KILLED_AT[recipe] // 4 * 4} of 10" in caplog.messages
        undisturbed = make_job(recipe, tmp_path / "undisturbed" / recipe)
        run_worker(undisturbed, ignore)
        for path in undisturbed.model.iterdir():
            assert (job.model / path.name).read_bytes() == path.read_bytes()
        assert read_json(job.result) == read_json(undisturbed.result)


def test_a_finished_training_whose_result_is_lost_is_not_repeated(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("multitask", tmp_path)
    run_worker(job, ignore)
    result, weights = job.result.read_bytes(), (job.model / MODEL).read_bytes()
    job.result.unlink()
    reports: list[dict[str, float]] = []
    run_worker(job, reports.append)
    assert reports == []
    assert (job.result.read_bytes(), (job.model / MODEL).read_bytes()) == (result, weights)


def complete(job: Job) -> dict[int, Path]:
    """Complete checkpoints by step."""
    found = sorted(path.parent for path in Path(job.checkpoints).glob(f"[0-9]*/{MANIFEST}"))
    return {int(path.name.partition("-")[0]): path for path in found}


def trained_again(job: Job, caplog: pytest.LogCaptureFixture) -> list[str]:
    """Removes the result, trains again, and returns the log."""
    job.result.unlink()
    caplog.clear()
    with caplog.at_level(logging.INFO, logger="components.pretrain"):
        run_worker(job, ignore)
    return caplog.messages


@pytest.mark.parametrize(
    ("policy", "kept"),
    [
        ({"keep_checkpoints": 2}, [8, 10]),
        ({"keep_checkpoints": 1}, [10]),
        ({"keep_checkpoints": 1, "checkpoint_every": 2, "keep_every": 4}, [4, 8, 10]),
    ],
)
def test_the_retention_policy_decides_which_are_kept(
    make_job: MakeJob, tmp_path: Path, policy: dict[str, int], kept: list[int]
) -> None:
    job = make_job("clip", tmp_path, **policy)
    run_worker(job, ignore)
    assert list(complete(job)) == kept


def test_an_incomplete_one_is_ignored_and_deleted(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    weights = (job.model / MODEL).read_bytes()
    shutil.rmtree(complete(job)[10])
    partial = Path(job.checkpoints) / f"00000009-{TOKEN}"
    partial.mkdir()
    (partial / "towers.safetensors").write_bytes(b"half")
    assert "clip resumes after step 8 of 10" in trained_again(job, caplog)
    assert not partial.exists()
    assert (job.model / MODEL).read_bytes() == weights


@pytest.mark.parametrize(
    ("damaged", "how"),
    [
        ("towers.safetensors", "torn"),
        ("optimiser.safetensors", "missing"),
        ("average.safetensors", "flipped"),
        ("classes-00000-of-00001.safetensors", "flipped"),
        (MANIFEST, "torn"),
        (MANIFEST, "missing"),
    ],
)
def test_a_damaged_one_is_named_and_the_previous_one_loaded(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture, damaged: str, how: str
) -> None:
    job = make_job("multitask", tmp_path)
    run_worker(job, ignore)
    result, weights = job.result.read_bytes(), (job.model / MODEL).read_bytes()
    file = complete(job)[10] / damaged
    content = bytearray(file.read_bytes())
    content[len(content) // 2] ^= 255
    if how == "missing":
        file.unlink()
    else:
        file.write_bytes(content if how == "flipped" else content[: len(content) // 2])
    log = trained_again(job, caplog)
    assert "multitask resumes after step 8 of 10" in log
    if (damaged, how) != (MANIFEST, "missing"):  # such a checkpoint counts as incomplete
        name = file.parent.name
        assert any(f"checkpoint {name} is damaged ({damaged}" in line for line in log)
    assert (job.result.read_bytes(), (job.model / MODEL).read_bytes()) == (result, weights)
    assert list(complete(job)) == [8, 10]


def test_when_all_are_damaged_training_starts_from_scratch(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    weights = (job.model / MODEL).read_bytes()
    for folder in complete(job).values():
        (folder / "towers.safetensors").unlink()
    log = trained_again(job, caplog)
    assert not [line for line in log if "resumes after" in line]
    assert len([line for line in log if "is damaged (towers.safetensors is missing" in line]) == 2
    assert (job.model / MODEL).read_bytes() == weights


def test_a_disk_that_does_not_answer_is_an_error_and_deletes_no_checkpoint(
    make_job: MakeJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """They may be intact; a training from scratch would delete them as of later steps."""
    job = make_job("clip", tmp_path)
    run_worker(job, ignore)
    job.result.unlink()

    def stale(path: Path) -> FileDigest:
        raise OSError(errno.ESTALE, os.strerror(errno.ESTALE), str(path))

    monkeypatch.setattr(FileDigest, "of", stale)
    with pytest.raises(SetupError, match=r"cannot be read \(.*Stale file handle: \S+\.safetensors'\); fix the disk"):
        run_worker(job, ignore)
    assert list(complete(job)) == [8, 10]


def test_one_of_another_training_is_refused_with_what_differs(make_job: MakeJob, tmp_path: Path) -> None:
    store = {"store": str(tmp_path / "store")}
    run_worker(replace(make_job("clip", tmp_path / "one"), **store), ignore)
    other = replace(make_job("clip", tmp_path / "two", learning_rate=0.5, warm_up=0.2, log_every=3.0), **store)
    with pytest.raises(InputError, match=r"checkpoint 00000010-\w{8} is of another training") as caught:
        run_worker(other, ignore)
    assert "(pretrain.learning_rate was 0.005, is 0.5; pretrain.warm_up was 0.1, is 0.2)" in str(caught.value)
    assert "--checkpoints" in str(caught.value)


def test_one_with_another_vocabulary_is_refused(make_job: MakeJob, tmp_path: Path) -> None:
    store = {"store": str(tmp_path / "store")}
    run_worker(replace(make_job("supervised", tmp_path / "one"), data="of one vocabulary", **store), ignore)
    other = replace(make_job("supervised", tmp_path / "two"), data="of another", **store)
    with pytest.raises(InputError, match="data was of one vocabulary, is of another"):
        run_worker(other, ignore)


def test_a_machine_with_an_empty_disk_resumes_from_a_bucket(
    make_job: MakeJob, tmp_path: Path, s3: Endpoint, caplog: pytest.LogCaptureFixture
) -> None:
    prefix = "pretrain-checkpoints"
    job = replace(make_job("multitask", tmp_path / "lost"), store=f"s3://{BUCKET}/{prefix}")
    run_worker(job, ignore)
    weights = (job.model / MODEL).read_bytes()
    shutil.rmtree(job.work)
    steps = {name.partition("-")[0] for name in s3.objects(prefix)}
    assert steps == {"00000008", "00000010"}
    (newest,) = {name.partition("/")[0] for name in s3.objects(prefix) if name.startswith("00000010")}
    torn = s3.folder / BUCKET / prefix / newest / "towers.safetensors"
    torn.write_bytes(torn.read_bytes()[:-9] + b"torn here")
    job = replace(make_job("multitask", tmp_path / "found"), store=job.store)
    with caplog.at_level(logging.INFO, logger="components.pretrain"):
        run_worker(job, ignore)
    assert f"checkpoint {newest} is damaged (towers.safetensors does not match" in caplog.text
    assert "multitask resumes after step 8 of 10" in caplog.messages
    assert (job.model / MODEL).read_bytes() == weights
    assert not list(job.work.glob("scratch*"))
    writer.delete_checkpoints(open_store(job.checkpoints, job.scratch(0)), keep_every=8)
    assert {name.partition("-")[0] for name in s3.objects(prefix)} == {"00000008"}


def test_an_outage_of_the_bucket_costs_a_checkpoint_and_nothing_else(
    make_job: MakeJob, tmp_path: Path, s3: Endpoint, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("components.storage.retry._PAUSE", 0.001)
    undisturbed = make_job("multitask", tmp_path / "undisturbed")
    run_worker(undisturbed, ignore)
    there, away = s3.folder / BUCKET, s3.folder / "away"

    def report(metrics: dict[str, float]) -> None:
        if metrics["step"] == 2:
            there.rename(away)
            there.write_text("a file, into which the server can put nothing")
        if metrics["step"] == 6:
            # The attempt to write the second checkpoint is over: a save waits for the one before
            # it.
            there.unlink()
            away.rename(there)

    prefix = "pretrain-outage"
    job = make_job("multitask", tmp_path / "work", checkpoint_every=2, keep_checkpoints=9)
    with caplog.at_level(logging.WARNING, logger="components.pretrain"):
        run_worker(replace(job, store=f"s3://{BUCKET}/{prefix}"), report)
    assert "the checkpoint of step 4 could not be written" in caplog.text
    steps = {name.partition("-")[0] for name in s3.objects(prefix) if name.endswith(MANIFEST)}
    assert {"00000008", "00000010"} <= steps <= {f"{step:08d}" for step in (2, 6, 8, 10)}
    assert (job.model / MODEL).read_bytes() == (undisturbed.model / MODEL).read_bytes()


def test_one_that_cannot_be_written_does_not_stop_training(
    make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    undisturbed = make_job("clip", tmp_path / "undisturbed")
    run_worker(undisturbed, ignore)
    job = make_job("clip", tmp_path / "work")
    Path(job.checkpoints).write_text("a file where the folder should be")
    with caplog.at_level(logging.WARNING, logger="components.pretrain"):
        run_worker(job, ignore)
    assert "checkpoint of step 8 could not be written" in caplog.text
    assert "failure 3 in a row" in caplog.text
    assert (job.model / MODEL).read_bytes() == (undisturbed.model / MODEL).read_bytes()


def test_a_snapshot_does_not_change_with_the_training(make_job: MakeJob, tmp_path: Path) -> None:
    """A thread writes during later steps; the state is still that of its own step."""
    folders = []
    for name, every in (("often", 1), ("once", 5)):
        job = make_job("multitask", tmp_path / name, checkpoint_every=every, keep_checkpoints=9)
        run_worker(job, ignore)
        folders.append(complete(job)[5])
    for file in sorted(folders[0].glob("*.safetensors")):
        assert file.read_bytes() == (folders[1] / file.name).read_bytes()


def test_no_pickle_is_written(make_job: MakeJob, tmp_path: Path) -> None:
    run_worker(make_job("multitask", tmp_path), ignore)
    suffixes = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert suffixes <= {".safetensors", ".json", ".jsonl"}
