"""Results are shared, compared and varied with DVC: push, pull, diff, experiments, plots."""

import json
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import yaml

from tests.chain.conftest import Clone
from tests.endpoint import BUCKET, Endpoint

pytestmark = [pytest.mark.slow, pytest.mark.timeout(2400)]

WHO = ["-c", "user.name=test", "-c", "user.email=test@example.org"]


def dvc(clone: Clone, *arguments: str) -> str:
    command = [sys.executable, "-m", "dvc", *arguments]
    path = {"PATH": f"{Path(sys.executable).parent}:{clone.environment['PATH']}"}
    done = subprocess.run(
        command, cwd=clone.folder, env=clone.environment | path, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{' '.join(arguments)}: {done.stdout[-2000:]}\n{done.stderr[-4000:]}"
    return done.stdout


def commit(clone: Clone, message: str) -> None:
    for arguments in (["add", "-A"], [*WHO, "commit", "-qm", message, "--allow-empty"]):
        subprocess.run(["git", *arguments], cwd=clone.folder, check=True, capture_output=True)


@pytest.fixture(scope="module")
def finished(clone: Clone, endpoint: Endpoint) -> Clone:
    """The clone after a whole run, its lock file committed, with a remote on the S3 endpoint."""
    made = replace(clone, environment=clone.environment | endpoint.environment)
    assert made.mofi("run") == 0, "\n".join(made.said[-60:])
    dvc(made, "remote", "add", "--force", "--default", "store", f"s3://{BUCKET}/store")
    dvc(made, "remote", "modify", "store", "endpointurl", endpoint.url)
    commit(made, "a finished run")
    dvc(made, "push")
    return made


@pytest.fixture(scope="module")
def pulled(finished: Clone, tmp_path_factory: pytest.TempPathFactory) -> Clone:
    """Another person's clone, filled from the remote."""
    folder = tmp_path_factory.mktemp("pulled") / "clone"
    subprocess.run(["git", "clone", "-q", str(finished.folder), str(folder)], check=True)
    other = replace(finished, folder=folder, environment=finished.environment | {"PYTHONPATH": str(folder)}, said=[])
    dvc(other, "pull")
    return other


def test_what_was_pushed_is_pulled_and_nothing_runs_again(finished: Clone, pulled: Clone) -> None:
    for made in ("data", "models", "metrics", "reports"):
        assert (pulled.folder / made).is_dir()
    assert (pulled.folder / "reports" / "index.html").read_bytes() == (
        finished.folder / "reports" / "index.html"
    ).read_bytes()
    said = dvc(pulled, "repro")
    assert "Running stage" not in said
    assert "up to date" in said
    assert dvc(pulled, "status").strip() == "Data and pipelines are up to date."


def test_the_champion_answers_in_a_clone_that_promoted_nothing(pulled: Clone) -> None:
    assert not (pulled.folder / "mlflow.db").exists()
    picture = next((pulled.folder / "data/sample/benchmark/images").glob("*.jpg"))
    assert pulled.mofi("search", str(picture)) == 0, "\n".join(pulled.said[-30:])


def test_two_commits_are_compared(finished: Clone) -> None:
    finished.change("evaluate", "knn_neighbours", 3)
    assert finished.mofi("run") == 0, "\n".join(finished.said[-60:])
    commit(finished, "fewer neighbours")
    metrics = json.loads(dvc(finished, "metrics", "diff", "HEAD~1", "--json"))
    assert "metrics/evaluate.json" in metrics
    params = json.loads(dvc(finished, "params", "diff", "HEAD~1", "--json"))
    assert params == {"params.yaml": {"evaluate.knn_neighbours": {"old": 20, "new": 3, "diff": -17}}} or (
        params["params.yaml"]["evaluate.knn_neighbours"]["new"] == 3
    )
    dvc(finished, "plots", "diff", "HEAD~1", "--out", str(finished.folder / ".work" / "diff"))
    assert (finished.folder / ".work" / "diff" / "index.html").is_file()


def test_curves_lie_over_each_other_on_a_page_that_needs_no_network(finished: Clone) -> None:
    out = finished.folder / ".work" / "plots"
    dvc(finished, "plots", "show", "--out", str(out))
    page = (out / "index.html").read_text(encoding="utf-8")
    assert not re.search(r"""<(script|link|img)[^>]*(src|href)=["']?(https?:)?//""", page)
    (loss,) = [part for part in page.split("var spec = ") if '"Training loss"' in part]
    for recipe in ("clip", "supervised", "contrastive", "multitask"):
        assert f"{recipe}.csv" in loss


def test_an_experiment_runs_in_a_folder_of_its_own(finished: Clone) -> None:
    before = yaml.safe_load((finished.folder / "params.yaml").read_text(encoding="utf-8"))
    dvc(finished, "exp", "run", "--temp", "--name", "two", "-S", "query.top=2")
    assert yaml.safe_load((finished.folder / "params.yaml").read_text(encoding="utf-8")) == before
    assert experiment(finished, "two")["query.top"] == 2


def test_experiments_are_queued_and_run_together(finished: Clone) -> None:
    for top in (1, 4):
        dvc(finished, "exp", "run", "--queue", "--name", f"top-{top}", "-S", f"query.top={top}")
    dvc(finished, "exp", "run", "--run-all")
    assert [experiment(finished, f"top-{top}")["query.top"] for top in (1, 4)] == [1, 4]


def experiment(clone: Clone, name: str) -> dict[str, object]:
    """The parameters of a finished experiment, flattened."""
    (shown,) = json.loads(dvc(clone, "params", "diff", "HEAD", name, "--all", "--json")).values()
    return {key: value["new"] for key, value in shown.items()}
