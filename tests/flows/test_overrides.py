"""Another parameter file is answered with a command that runs its values."""

import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from components.cli import parameters
from components.errors import ParameterError
from flows import dvc
from flows.overrides import refuse_other
from tests import ROOT


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text((ROOT / "params.yaml").read_text())
    return tmp_path


def answer(folder: Path, changes: str) -> str:
    (folder / "other.yaml").write_text(f"extends: params.yaml\n{changes}")
    with pytest.raises(ParameterError) as caught:
        refuse_other(Path("other.yaml"))
    return str(caught.value)


def test_the_command_names_every_value_that_differs(folder: Path) -> None:
    said = answer(folder, "pretrain: {seed: 5}\ncrawl: {languages: [de, en]}\n")
    assert said.startswith("other.yaml is not the file that dvc.yaml reads, which is params.yaml; run its values as")
    assert """dvc exp run -S 'crawl.languages=["de", "en"]' -S pretrain.seed=5""" in said


@pytest.mark.parametrize(
    "changes",
    [
        'crawl: {user_agent: "it\'s me, \\"you\\" = 5 # #", languages: []}\n',
        "pretrain: {learning_rate: 0.00005, augment: {flip: 0.25}}\n",
        "label: {ner: false, weights: {none: -2.0}}\n",
    ],
)
def test_the_command_gives_just_those_values(folder: Path, changes: str) -> None:
    said = answer(folder, changes)
    project(folder)
    command = said.partition("dvc exp run ")[2]
    done = subprocess.run(
        [sys.executable, "-m", "dvc", "exp", "run", "--queue", *shlex.split(command)],
        cwd=folder,
        env=dvc.environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    kept = subprocess.run(
        ["git", "show", "refs/exps/celery/stash:params.yaml"], cwd=folder, capture_output=True, check=True
    )
    (folder / "kept.yaml").write_bytes(kept.stdout)
    assert parameters.load(Path("kept.yaml")) == parameters.load(Path("other.yaml"))


@pytest.mark.parametrize(
    ("changes", "key"),
    [
        ('{user_agent: "a\\\\b"}', "crawl.user_agent"),
        ('{user_agent: "bot ${USER}"}', "crawl.user_agent"),
        ('{url_column: "a\\tb"}', "crawl.url_column"),
        ("{languages: ['no']}", "crawl.languages"),
    ],
)
def test_values_that_no_command_can_carry_are_to_be_copied(folder: Path, changes: str, key: str) -> None:
    said = answer(folder, f"crawl: {changes}\n")
    assert said.endswith(f"copy its values of {key} into params.yaml")


def test_a_file_with_the_same_values_is_left_out(folder: Path) -> None:
    assert answer(folder, "") == "other.yaml holds the same values as params.yaml; leave out --params"


def project(folder: Path) -> None:
    (folder / "dvc.yaml").write_text("stages:\n  one:\n    cmd: echo\n    params: [pretrain]\n")
    who = ["-c", "user.name=test", "-c", "user.email=test@example.org"]
    for command in (
        ["git", "init", "-q", "."],
        [sys.executable, "-m", "dvc", "init", "-q"],
        ["git", "add", "-A"],
        ["git", *who, "commit", "-qm", "start"],
    ):
        subprocess.run(command, cwd=folder, check=True, env=dvc.environment(), capture_output=True)
