"""The flow itself, on a small DVC project: stages in turn, side by side, and when one fails."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import psutil
import pytest

from components.errors import SetupError
from components.execution import watchdog
from components.storage.file_lock import lock, open_lock
from flows import dvc
from tests import ROOT
from tests.processes import command_line

# Each of `left` and `right` ends only when the other one has begun.
MEET = """
import sys, time
from pathlib import Path
own, other = sys.argv[1:]
Path(own).touch()
deadline = time.monotonic() + 120
while not Path(other).exists():
    assert time.monotonic() < deadline, f"{other} never began"
    time.sleep(0.05)
"""
STAGES = """\
stages:
  first:
    cmd: echo one > one.txt
    outs: [one.txt]
  left:
    cmd: python meet.py left.txt right.txt
    deps: [one.txt]
    outs: [left.txt]
  right:
    cmd: python meet.py right.txt left.txt
    deps: [one.txt]
    outs: [right.txt]
  last:
    cmd: cat left.txt right.txt > last.txt
    deps: [left.txt, right.txt]
    outs: [last.txt]
"""
FAILING = """\
stages:
  bad:
    cmd: "test -e good.txt || sleep 1; echo 'mofi: InputError: it is empty'; exit 3"
    outs: [bad.txt]
  good:
    cmd: echo good > good.txt
    outs: [good.txt]
  last:
    cmd: cat bad.txt good.txt > last.txt
    deps: [bad.txt, good.txt]
    outs: [last.txt]
"""
PROGRAM = """
import sys
from flows import pipeline
print(pipeline.run(at_once=int(sys.argv[1])))
"""


def project(folder: Path, stages: str) -> None:
    subprocess.run(["git", "init", "-q", "."], cwd=folder, check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=folder, check=True, env=dvc.environment())
    (folder / "dvc.yaml").write_text(stages)
    (folder / "meet.py").write_text(MEET)


def run(folder: Path, at_once: int) -> "subprocess.CompletedProcess[str]":
    environment = {key: value for key, value in os.environ.items() if key != "RAY_ADDRESS"}
    return subprocess.run(
        [sys.executable, "-c", PROGRAM, str(at_once)],
        cwd=folder,
        env=environment | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(folder / ".prefect")},
        capture_output=True,
        text=True,
        check=False,
    )


@pytest.mark.timeout(600)
def test_stages_that_do_not_need_each_other_run_side_by_side(tmp_path: Path) -> None:
    project(tmp_path, STAGES)
    done = run(tmp_path, at_once=2)
    assert done.stdout.splitlines()[-1:] == ["{'first': 'ran', 'left': 'ran', 'right': 'ran', 'last': 'ran'}"], (
        done.stderr
    )


@pytest.mark.timeout(600)
def test_a_failure_lets_the_others_end_and_starts_no_further_stage(tmp_path: Path) -> None:
    project(tmp_path, FAILING)
    done = run(tmp_path, at_once=2)
    assert "stage bad failed (exit code 3)" in done.stderr
    assert "Traceback" not in done.stderr.partition("stage bad failed")[0]
    assert "mofi: InputError: it is empty" in done.stderr
    assert (tmp_path / "good.txt").exists()
    assert not (tmp_path / "last.txt").exists()


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in (".git", ".dvc"):
        (tmp_path / name).mkdir()
    (tmp_path / "dvc.yaml").touch()
    return tmp_path


def test_a_second_flow_in_the_same_folder_is_refused_and_names_the_first(here: Path) -> None:
    from flows import pipeline

    path = here / pipeline.LOCK
    path.parent.mkdir(parents=True)
    with open_lock(path) as file:
        assert lock(file, wait=False)
        file.write("process 12 of elsewhere (mofi run, since noon)")
        file.flush()
        with pytest.raises(
            SetupError, match=rf"^process 12 of elsewhere \(mofi run, since noon\) works on the chain in {here};"
        ):
            pipeline.run()


WAITING = """\
stages:
  waiting:
    cmd: echo has""begun; sleep 1000
    outs: [never.txt]
"""


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGHUP])
def test_a_flow_that_is_killed_leaves_no_process_behind(how: signal.Signals, tmp_path: Path) -> None:
    project(tmp_path, WAITING)
    environment = {key: value for key, value in os.environ.items() if key not in ("RAY_ADDRESS", watchdog.MARK)}
    flow = subprocess.Popen(
        [sys.executable, "-c", PROGRAM, "1"],
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT), "PREFECT_HOME": str(tmp_path / ".prefect")},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
    )
    try:
        assert flow.stdout is not None
        said = ""
        while "hasbegun" not in said:
            line = flow.stdout.readline()
            assert line, said
            said += line
        family = psutil.Process(flow.pid).children(recursive=True)
        assert any("uvicorn" in command_line(process) for process in family)
    finally:
        flow.send_signal(how)
    flow.communicate()
    _, alive = psutil.wait_procs(family, timeout=60)
    assert not alive
