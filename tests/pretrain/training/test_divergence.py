"""A training that diverges stops, with its state saved and what to change named."""

import logging
from pathlib import Path

import pytest

from components.errors import MofiError
from components.pretrain.checkpoints.store import MANIFEST
from components.pretrain.job import Job
from components.pretrain.training.loop import run_worker
from components.storage.json_files import read_json
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import ignore

WILD = {"learning_rate": 0.5, "head_learning_rate": 50.0, "gradient_clip": 100.0}


def saved(job: Job) -> list[Path]:
    return sorted(path.parent for path in Path(job.checkpoints).glob(f"diverged-*/{MANIFEST}"))


def test_a_loss_that_explodes_stops_with_its_state_saved(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("supervised", tmp_path, divergence=1.2, **WILD)
    with pytest.raises(
        MofiError, match=r"supervised: the loss is \S+, above pretrain.divergence = 1.2 times"
    ) as stopped:
        run_worker(job, ignore)
    (folder,) = saved(job)
    assert f"is in {job.checkpoints} as {folder.name}" in str(stopped.value)
    step = read_json(folder / MANIFEST)["step"]
    assert f"at step {step + 1}; lower pretrain.learning_rate" in str(stopped.value)
    assert (folder / "towers.safetensors").exists()


def test_it_is_not_resumed_automatically_and_only_the_newest_is_kept(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("supervised", tmp_path, learning_rate=1e30, gradient_clip=1e30)
    messages = []
    for _ in range(2):
        with pytest.raises(MofiError, match=r"lower pretrain.learning_rate") as error:
            run_worker(job, ignore)
        messages.append(str(error.value).partition(" The state")[0])
    assert messages[0] == messages[1], "it diverged again in the same way"
    assert len(saved(job)) == 1


def test_it_is_resumed_after_renaming(make_job: MakeJob, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    job = make_job("supervised", tmp_path, divergence=1.2, checkpoint_every=100, **WILD)
    with pytest.raises(MofiError):
        run_worker(job, ignore)
    (folder,) = saved(job)
    folder.rename(folder.with_name(folder.name.removeprefix("diverged-")))
    tolerant = make_job("supervised", tmp_path, divergence=1e9, **WILD)
    with caplog.at_level(logging.INFO, logger="components.pretrain"):
        run_worker(tolerant, ignore)
    assert f"supervised resumes after step {int(folder.name.split('-')[1])} of 10" in caplog.messages
    assert tolerant.result.exists()
