"""Curves that are seen while a training runs, and go on in the same run."""

import json
import time
from pathlib import Path

import mlflow
import pytest

from components.registry.live import followed
from components.registry.parameters import PromoteParameters
from components.registry.runs import stage_run


def add(path: Path, *steps: int) -> None:
    with path.open("a", encoding="utf-8") as stream:
        for step in steps:
            stream.write(json.dumps({"step": step, "metrics": {"curve.loss": 1 / step}}) + "\n")


def history(run: str) -> list[int]:
    return [point.step for point in mlflow.MlflowClient().get_metric_history(run, "curve.loss")]


def test_points_are_seen_while_the_training_runs(registry: Path, parameters: PromoteParameters, tmp_path: Path) -> None:
    live, until = tmp_path / "live.jsonl", time.monotonic() + 60
    with stage_run("x", parameters) as run, followed(run, live, every=0.02):
        add(live, 8, 16)
        while history(run.id) != [8, 16] and time.monotonic() < until:
            time.sleep(0.02)
        assert mlflow.get_run(run.id).info.status == "RUNNING"
        assert history(run.id) == [8, 16]
        with live.open("a", encoding="utf-8") as stream:
            stream.write('{"step": 24, "metr')
    assert history(run.id) == [8, 16], "half a line is none"


def test_a_training_that_failed_goes_on_in_its_run_and_repeats_no_point(
    registry: Path, parameters: PromoteParameters, tmp_path: Path
) -> None:
    live = tmp_path / "live.jsonl"
    with pytest.raises(RuntimeError), stage_run("x", parameters, resumes="mark") as first, followed(first, live):
        add(live, 8, 16)
        raise RuntimeError("killed")
    assert mlflow.get_run(first.id).info.status == "FAILED"
    with stage_run("x", parameters, resumes="another") as other:
        pass
    with stage_run("x", parameters, resumes="mark") as second, followed(second, live):
        add(live, 16, 24)
    assert second.id == first.id != other.id
    assert history(first.id) == [8, 16, 24]
    assert mlflow.get_run(first.id).info.status == "FINISHED"
    (tmp_path / "x.csv").write_text("step,images_seen,loss\n1,8,9\n3,24,9\n4,32,0.5\n", encoding="utf-8")
    with stage_run("x", parameters, resumes="mark") as third:
        assert third.id != first.id, "what is finished is not gone on with"


def test_what_was_sent_already_is_not_sent_again_with_the_whole_curve(
    registry: Path, parameters: PromoteParameters, tmp_path: Path
) -> None:
    live = tmp_path / "live.jsonl"
    (tmp_path / "x.csv").write_text(
        "step,images_seen,loss,validation_map\n1,8,0.1,\n2,16,0.2,0.9\n3,24,0.3,\n", encoding="utf-8"
    )
    with stage_run("x", parameters) as run:
        with followed(run, live):
            add(live, 8, 16)
        run.log_curves(tmp_path / "x.csv")
    assert history(run.id) == [8, 16, 24]
    points = mlflow.MlflowClient().get_metric_history(run.id, "curve.validation_map")
    assert [(point.step, point.value) for point in points] == [(16, 0.9)]
