"""A finished training is published, and its work folder removed."""

import shutil
from pathlib import Path

from components.pretrain import train
from components.pretrain.training.loop import run_worker
from tests.pretrain.conftest import MakeJob
from tests.pretrain.training.test_loop import MODEL, ignore


def test_a_finished_training_is_published_again_without_training(make_job: MakeJob, tmp_path: Path) -> None:
    job = make_job("multitask", tmp_path / "work")
    run_worker(job, ignore)
    out, curve = tmp_path / "models" / "multitask", tmp_path / "metrics" / "curves" / "multitask.csv"
    metrics = train.train(job, out, curve)
    rows = curve.read_text(encoding="utf-8").splitlines()
    assert rows[0] == (
        "images_seen,step,loss,alignment,contrastive,logit_scale,margin_satisfied,supervised,text_alignment,uniformity,"
        "validation_map,gradient_norm,learning_rate"
    )
    assert len(rows) == 11
    weights, text = (out / MODEL).read_bytes(), curve.read_text(encoding="utf-8")
    shutil.rmtree(out)  # as DVC does before it runs a stage again
    assert train.train(job, out, curve) == metrics
    assert ((out / MODEL).read_bytes(), curve.read_text(encoding="utf-8")) == (weights, text)
    train.clean_up(job)
    assert not job.work.exists()
