"""The registry when two use it at once, when it is locked, moved, or has lost something."""

import fcntl
import shutil
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import mlflow
import pytest

from components.errors import InputError, SetupError
from components.models.foreign.files import MODEL_FILES
from components.registry import database, model, tracking
from components.registry.parameters import PromoteParameters
from components.registry.promote import present_champion, promote
from components.registry.restore import restore_promotion
from components.registry.runs import stage_run
from components.storage.json_files import write_json
from tests import ROOT
from tests.registry.conftest import make_model
from tests.registry.test_promote import measured


@pytest.fixture
def project(registry: Path, models: Path, benchmark: Path) -> Path:
    return registry


def decide(parameters: PromoteParameters, supervised: float = 0.6) -> dict[str, Any]:
    measures = measured(supervised=supervised)
    return promote(measures, parameters, Path("models"), Path("benchmark"))


def versions(parameters: PromoteParameters) -> list[Any]:
    return mlflow.MlflowClient().search_model_versions(f"name = '{parameters.name}'")


def test_a_champion_whose_files_are_gone_is_registered_again(
    project: Path, parameters: PromoteParameters, tmp_path: Path
) -> None:
    decide(parameters)
    shutil.rmtree(project / "mlartifacts")
    with pytest.raises(
        InputError, match=r"files of models:/mofi@champion \(version 1\) are gone .* run `mofi promote`"
    ):
        model.fetch("models:/mofi@champion", tmp_path / "cache", MODEL_FILES)
    decide(parameters)
    champion = present_champion(parameters)
    assert champion is not None
    assert champion.version == "2"
    assert (
        model.fetch("models:/mofi@champion", tmp_path / "cache", MODEL_FILES) / "open_clip_model.safetensors"
    ).exists()
    decide(parameters)
    assert len(versions(parameters)) == 2


def test_a_version_is_copied_by_one_process_while_others_wait(
    project: Path, parameters: PromoteParameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    decide(parameters)
    cache, download, copied = tmp_path / "cache", mlflow.artifacts.download_artifacts, []

    def watched(**arguments: str) -> str:
        (lock,) = cache.glob(".*.lock")
        with lock.open() as file, pytest.raises(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        copied.append(lock.name)
        return str(download(**arguments))

    monkeypatch.setattr(mlflow.artifacts, "download_artifacts", watched)
    folder = model.fetch("models:/mofi@champion", cache, MODEL_FILES)
    assert model.fetch("models:/mofi@champion", cache, MODEL_FILES) == folder
    assert len(copied) == 1
    assert sorted(path.name for path in cache.iterdir()) == [folder.name]


@pytest.mark.parametrize("lost", ["open_clip_model.safetensors", "open_clip_config.json"])
def test_a_restored_promotion_registers_again_what_lost_a_file(
    lost: str, project: Path, parameters: PromoteParameters
) -> None:
    result = decide(parameters)
    (file,) = project.glob(f"mlartifacts/**/{lost}")
    file.write_bytes(b"")
    assert restore_promotion(result, parameters, Path("models"), Path("benchmark")) == "2"
    champion = present_champion(parameters)
    assert champion is not None
    assert champion.version == "2"


@pytest.mark.parametrize("move", [shutil.move, shutil.copytree])
def test_a_project_that_was_moved_or_copied_keeps_its_champion_and_its_new_runs(
    move: Any, registry: Path, parameters: PromoteParameters, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old, new = tmp_path / "old place", tmp_path / "new place"
    old.mkdir()
    shutil.move(registry / "mlflow.db", old)
    monkeypatch.chdir(old)
    make_model(Path("models/supervised"), "supervised", 1)
    make_model(Path("models/multitask"), "multitask", 2)
    make_model(Path("models/clip"), "clip", 3)
    Path("benchmark").mkdir()
    decide(parameters)
    monkeypatch.chdir(tmp_path)
    before = sorted(old.rglob("*"))
    move(old, new)
    monkeypatch.chdir(new)
    decide(parameters)
    assert len(versions(parameters)) == 1
    assert model.fetch("models:/mofi@champion", tmp_path / "cache", MODEL_FILES).is_dir()
    write_json(Path("metrics/x.json"), {"a": 1})
    with stage_run("x", parameters) as run:
        run.log_metrics(Path("metrics/x.json"))
    assert list(new.glob(f"mlartifacts/{run.id}/artifacts/x.json"))
    assert sorted(old.rglob("*")) == (before if old.exists() else [])


@pytest.mark.parametrize(
    ("place", "moved"),
    [
        ("file:///nowhere/mlartifacts", True),
        ("file:///nowhere/other", False),
        ("s3://bucket/mlartifacts", False),
        ("/nowhere/mlartifacts", False),
        ("mlflow-artifacts:/mlartifacts", False),
        ("file:///nowhere/with%20space/mlartifacts", True),
    ],
)
def test_only_the_projects_own_place_elsewhere_counts_as_moved(place: str, moved: bool, tmp_path: Path) -> None:
    (tmp_path / "mlartifacts").mkdir()
    file = tmp_path / "mlflow.db"
    with closing(sqlite3.connect(file)) as connection, connection:
        connection.execute("CREATE TABLE experiments (artifact_location TEXT)")
        connection.execute("CREATE TABLE runs (artifact_uri TEXT)")
        connection.execute("INSERT INTO experiments VALUES (?)", (place,))
        connection.execute("INSERT INTO runs VALUES (?), (?)", (f"{place}/run", "file:///unrelated"))
    assert database.follow(file, tmp_path / "mlartifacts") is moved
    with closing(sqlite3.connect(file)) as connection:
        (first,), (second,) = connection.execute("SELECT artifact_uri FROM runs").fetchall()
    here = (tmp_path / "mlartifacts").as_uri()
    assert (first, second) == (f"{here}/run" if moved else f"{place}/run", "file:///unrelated")
    assert database.follow(file, tmp_path / "mlartifacts") is False


def test_the_same_place_by_another_path_is_not_moved(tmp_path: Path) -> None:
    (tmp_path / "real" / "mlartifacts").mkdir(parents=True)
    (tmp_path / "link").symlink_to("real")
    assert not database._is_left((tmp_path / "link" / "mlartifacts").as_uri(), tmp_path / "real" / "mlartifacts")


@pytest.mark.parametrize(
    ("address", "file"),
    [
        ("sqlite:///mlflow.db", "mlflow.db"),
        ("sqlite:////a/b%20c/m.db?timeout=3", "/a/b c/m.db"),
        ("sqlite+pysqlite:///m.db", "m.db"),
        ("sqlite://", None),
        ("sqlite:///:memory:", None),
        ("postgresql://host/db", None),
        ("http://host:5000", None),
        ("file:///mlruns", None),
    ],
)
def test_the_file_of_an_address(address: str, file: str | None) -> None:
    assert database.file_of(address) == (Path(file) if file else None)


@contextmanager
def locked_database(project: Path) -> Iterator[None]:
    with closing(sqlite3.connect(project / "mlflow.db")) as connection:
        connection.execute("BEGIN EXCLUSIVE")
        yield


def test_a_database_that_another_program_keeps_locked_is_a_sentence(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(database, "_PATIENCE", 0.1)
    with (
        locked_database(project),
        pytest.raises(SetupError, match=r"mlflow\.db cannot be used \(database is locked\); an"),
    ):
        tracking.connect()


def test_a_database_whose_disk_is_full_says_so_and_not_to_move_it_away(project: Path) -> None:
    with (
        pytest.raises(SetupError, match="the disk is full: free some space"),
        tracking.answering(),
        closing(sqlite3.connect(project / "full.db")) as connection,
    ):
        connection.execute("PRAGMA max_page_count = 2")
        connection.execute("CREATE TABLE runs (name)")
        connection.execute("INSERT INTO runs VALUES (?)", ["a" * 100_000])


def test_a_file_that_is_no_database_is_a_sentence(project: Path) -> None:
    (project / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SetupError, match=r"mlflow\.db cannot be used \(file is not a database\).*move mlflow\.db away"):
        tracking.connect()


def test_a_deleted_experiment_is_named_with_the_command_that_brings_it_back(project: Path) -> None:
    number = tracking.connect()
    mlflow.MlflowClient().delete_experiment(number)
    with pytest.raises(SetupError, match=r"mofi of MLflow was deleted; bring it back: ") as caught:
        tracking.connect()
    command = str(caught.value).partition("bring it back: ")[2]
    assert command == f"MLFLOW_TRACKING_URI=sqlite:///mlflow.db mlflow experiments restore -x {number}"
    mlflow.MlflowClient().restore_experiment(number)
    assert tracking.connect() == number


def test_a_run_that_is_deleted_while_its_stage_works_is_a_sentence(
    project: Path, parameters: PromoteParameters
) -> None:
    write_json(Path("metrics/x.json"), {"a": 1})
    with (
        pytest.raises(SetupError, match=r"was deleted: `mlflow runs restore --run-id ID`"),
        stage_run("x", parameters) as run,
    ):
        mlflow.MlflowClient().delete_run(run.id)
        run.log_metrics(Path("metrics/x.json"))


def test_the_advice_names_the_variable_only_where_it_is_set(project: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (project / "file").touch()
    for broken in (f"sqlite:///{project}/file/m.db", "nonsense://x"):
        monkeypatch.setenv("MLFLOW_TRACKING_URI", broken)
        with pytest.raises(SetupError, match="unset MLFLOW_TRACKING_URI"):
            tracking.connect()
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    (project / "mlflow.db").write_bytes(b"not a database" * 100)
    with pytest.raises(SetupError) as caught:
        tracking.connect()
    assert "MLFLOW_TRACKING_URI" not in str(caught.value)


PROMOTE = """
import json, sys
from pathlib import Path
from components.registry.parameters import PromoteParameters
from components.registry.promote import promote
measures, parameters = json.loads(sys.argv[1]), PromoteParameters(**json.loads(sys.argv[2]))
promote(measures, parameters, Path("models"), Path("benchmark"))
"""


@pytest.mark.slow  # three processes that load MLflow, one of which makes its tables
def test_promotions_at_once_in_an_empty_project_make_one_version(project: Path, parameters: PromoteParameters) -> None:
    import json
    import os

    (project / "mlflow.db").unlink()
    arguments = [json.dumps(measured(supervised=0.6)), parameters.model_dump_json()]
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    started = [
        subprocess.Popen(
            [sys.executable, "-c", PROMOTE, *arguments], cwd=project, env=environment, stderr=subprocess.PIPE
        )
        for _ in range(3)
    ]
    for process in started:
        _, said = process.communicate()
        assert process.returncode == 0, said.decode()
    tracking.connect()
    assert len(versions(parameters)) == 1
    assert present_champion(parameters) is not None
