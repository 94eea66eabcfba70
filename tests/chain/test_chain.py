"""The whole chain with one command: first run, second run, one changed parameter, power cuts."""

import json
import re
import shutil
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from flows.dvc import Graph, parse_dot
from tests.chain.conftest import Clone

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

RECIPES = {"clip", "supervised", "contrastive", "multitask"}


def summary(clone: Clone) -> dict[str, Any]:
    content: dict[str, Any] = json.loads((clone.folder / "reports" / "summary.json").read_text(encoding="utf-8"))
    return content


def lock(clone: Clone) -> Any:
    return yaml.safe_load((clone.folder / "dvc.lock").read_text(encoding="utf-8"))["stages"]


def runs(clone: Clone) -> list[tuple[str, str]]:
    """(name, status) of every MLflow run."""
    with sqlite3.connect(clone.folder / "mlflow.db") as database:
        return database.execute("select name, status from runs order by start_time").fetchall()


def graph(clone: Clone) -> Graph:
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "dag", "--dot"],
        cwd=clone.folder,
        env=clone.environment,
        capture_output=True,
        text=True,
        check=True,
    )
    return parse_dot(done.stdout)


def all_stages(clone: Clone) -> set[str]:
    return set(graph(clone).needs)


class Midway:
    """Whether a stage is at work: a third line (two report its start), or a step beyond eight."""

    def __init__(self, stage: str) -> None:
        self._stage, self._lines = stage, 0

    def __call__(self, line: str) -> bool:
        if f": {self._stage} | " not in line:
            return False
        self._lines += 1
        if self._stage.startswith("pretrain@"):
            told = re.search(r": step (\d+) of", line)
            return told is not None and int(told[1]) > 8
        return self._lines == 3


def test_one_command_runs_every_stage(clone: Clone) -> None:
    assert clone.mofi("run") == 0, "\n".join(clone.said[-60:])
    assert clone.stages("ran") == all_stages(clone)


def test_the_summary_holds_what_the_chain_did(clone: Clone) -> None:
    found = summary(clone)
    assert found["pictures_crawled"] > found["pictures_labelled"] > found["entities"] > 5
    assert 0.5 < found["label_precision"] <= 1
    assert 0 < found["label_recall"] <= 1
    expected = {"raw_pixels", "centred_pixels_8", "untrained"} | RECIPES
    for protocol in ("retrieval_map", "retrieval_map_with_query"):
        assert set(found[protocol]) == expected
        assert all(0 < value <= 1 for value in found[protocol].values())
    assert all(found["retrieval_map_with_query"][name] > found["retrieval_map"][name] for name in expected)
    assert set(found["seconds"]) == {stage.replace("@", "_") for stage in all_stages(clone)} - {"report"}


def test_every_planted_near_copy_was_left_out(clone: Clone) -> None:
    measures = json.loads((clone.folder / "metrics" / "evaluate.json").read_text(encoding="utf-8"))
    assert measures["planted"] == {"near_copies": 4, "left_out": 4}


def test_the_report_is_pages_without_outside_references(clone: Clone) -> None:
    index, crawl = (
        (clone.folder / "reports" / f"{name}.html").read_text(encoding="utf-8") for name in ("index", "crawl")
    )
    for page in (index, crawl):
        assert not re.search(r"""(src|href)=["']?(https?:)?//""", page)
    assert "mlflow ui" in index
    assert "Speed and hosts" in crawl


def test_each_training_and_evaluation_is_one_finished_mlflow_run(clone: Clone) -> None:
    assert sorted(runs(clone)) == sorted(
        (name, "FINISHED") for name in {f"pretrain_{r}" for r in RECIPES} | {"evaluate"}
    )


def test_a_second_run_computes_and_logs_nothing(clone: Clone) -> None:
    before = (lock(clone), runs(clone))
    assert clone.mofi("run") == 0, "\n".join(clone.said[-60:])
    assert clone.stages("ran") == set()
    assert clone.stages("skipped") == all_stages(clone)
    assert (lock(clone), runs(clone)) == before


def test_one_changed_knob_runs_only_what_lies_below(clone: Clone) -> None:
    clone.change("query", "top", 3)
    assert clone.mofi("run") == 0, "\n".join(clone.said[-60:])
    assert clone.stages("ran") == {"query", "report"}


def test_the_champion_finds_what_a_picture_looks_like(clone: Clone) -> None:
    picture = next(Path(clone.folder / "data/sample/benchmark/images").glob("*.jpg"))
    assert clone.mofi("search", str(picture)) == 0
    assert any("Nearest pictures" in line for line in clone.said)


def test_a_wrong_value_is_one_message_that_names_it(clone: Clone) -> None:
    clone.change("query", "top", 0)
    assert clone.mofi("run") == 3
    assert [line for line in clone.said if "params.yaml: query.top is 0" in line]
    clone.change("query", "top", 3)


def test_a_busy_port_is_one_message_that_names_it(clone: Clone) -> None:
    import socket

    port = yaml.safe_load((clone.folder / "params.yaml").read_text(encoding="utf-8"))["sample"]["port"]
    with socket.socket() as taken:
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        taken.bind(("127.0.0.1", port))
        taken.listen()
        assert clone.mofi("crawl", "--web", "data/sample/web", "--out", "data/other") == 3
    assert any(f"port {port}" in line and "busy" in line for line in clone.said)


def test_a_chain_that_is_killed_in_every_stage_ends_as_an_undisturbed_one(clone: Clone) -> None:
    undisturbed = lock(clone)
    for made in ("data", "models", "metrics", "reports", "mlartifacts", ".dvc/cache", ".prefect"):
        shutil.rmtree(clone.folder / made)
    for made in ("dvc.lock", "mlflow.db"):
        (clone.folder / made).unlink()
    for room in (clone.folder / ".work").iterdir():
        if not room.is_symlink() and room.is_dir():
            shutil.rmtree(room)
    spared = {stage for stage in graph(clone).order if clone.mofi("run", until=Midway(stage)) == 0}
    # A stage may end with its third line; then the run that was to be killed in it came to its end.
    assert not spared & {"sample", "crawl", "label", "curate", "evaluate", "query", *(f"pretrain@{r}" for r in RECIPES)}
    assert clone.mofi("run") == 0, "\n".join(clone.said[-60:])
    found = lock(clone)
    assert set(found) == set(undisturbed)
    for stage in found.keys() - {"report"}:  # which reports seconds
        assert found[stage].get("outs") == undisturbed[stage].get("outs"), stage
