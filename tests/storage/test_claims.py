"""Two runs side by side: each leaves what the other works on alone."""

import fcntl
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from components.errors import SetupError
from components.storage.claims import claim, release
from components.storage.work import drop, drop_finished, drop_unused, user_of, work_folder
from tests import ROOT

HOLD = """
import sys
from pathlib import Path
from components.storage.claims import claim
from components.storage.work import work_folder
root, stage, mark, shared = sys.argv[1:]
if shared:
    claim(Path(root) / stage / mark, shared=True)
else:
    work_folder(stage, mark, Path(root), "out")
print("claimed", flush=True)
sys.stdin.read()
"""


@contextmanager
def other_run(root: Path, mark: str, *, shared: bool = False) -> Iterator["subprocess.Popen[str]"]:
    """Another process at work on a folder of stage `label`, until the block ends or a kill."""
    command = [sys.executable, "-c", HOLD, str(root), "label", mark, "shared" if shared else ""]
    with subprocess.Popen(command, cwd=ROOT, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "claimed\n"
        yield process
        process.kill()


def test_what_another_run_works_on_is_left_alone_and_named(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    with other_run(tmp_path, "aaa") as other:
        drop_finished(work_folder("label", "bbb", tmp_path, "out"))
        assert (tmp_path / "label" / "aaa").is_dir()
        assert user_of(tmp_path / "label" / "aaa")
    assert f"{tmp_path}/label/aaa is left alone: process {other.pid} of " in caplog.text


def test_what_a_killed_run_left_is_dropped_when_its_output_is_finished(tmp_path: Path) -> None:
    with other_run(tmp_path, "aaa") as other:
        other.kill()
        other.wait()
        work = work_folder("label", "bbb", tmp_path, "out")
        assert user_of(tmp_path / "label" / "aaa") is None
        drop_finished(work)
    assert list((tmp_path / "label").iterdir()) == []


def test_a_second_run_of_the_same_is_refused_and_names_the_first(tmp_path: Path) -> None:
    with (
        other_run(tmp_path, "aaa") as other,
        pytest.raises(SetupError, match=f"process {other.pid} of .* works on .*aaa"),
    ):
        work_folder("label", "aaa", tmp_path)


def test_a_second_run_may_wait_for_the_first(tmp_path: Path) -> None:
    with other_run(tmp_path, "aaa") as other:
        waiting = subprocess.Popen(
            [
                sys.executable,
                "-c",
                HOLD.replace('work_folder(stage, mark, Path(root), "out")', WAIT),
                str(tmp_path),
                "label",
                "aaa",
                "",
            ],
            cwd=ROOT,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        assert waiting.stdout is not None
        other.kill()
        assert waiting.stdout.readline() == "claimed\n"
        waiting.communicate()


WAIT = "claim(Path(root) / stage / mark, wait=True)"


def test_several_runs_share_what_they_only_read(tmp_path: Path) -> None:
    with other_run(tmp_path, "cache", shared=True):
        claim(tmp_path / "label" / "cache", shared=True)
        assert drop_unused(tmp_path / "label" / "cache") == "this process"
        release(tmp_path / "label" / "cache")
        assert drop_unused(tmp_path / "label" / "cache") is not None
    assert drop_unused(tmp_path / "label" / "cache") is None


def test_the_same_process_may_claim_again(tmp_path: Path) -> None:
    assert work_folder("label", "aaa", tmp_path) == work_folder("label", "aaa", tmp_path)


def test_a_claim_that_is_over_leaves_nothing_behind(tmp_path: Path) -> None:
    drop(work_folder("label", "aaa", tmp_path))
    claim(tmp_path / "label" / "bbb")
    release(tmp_path / "label" / "bbb")
    assert not [path for path in (tmp_path / ".locks").rglob("*") if path.is_file()]


def test_a_claim_that_was_given_up_can_be_taken_by_others(tmp_path: Path) -> None:
    claim(tmp_path / "label" / "aaa")
    release(tmp_path / "label" / "aaa")
    with other_run(tmp_path, "aaa"):
        pass


def test_what_is_only_read_is_shared_while_another_run_goes_on(tmp_path: Path) -> None:
    """So the trainings of a sweep, which read one cache, do not wait for each other's end."""
    with other_run(tmp_path, "cache", shared=True):
        claim(tmp_path / "label" / "cache", shared=True)


def test_where_the_disk_knows_no_locks_nothing_of_others_is_removed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    (tmp_path / "label" / "aaa").mkdir(parents=True)
    work_folder("label", "bbb", tmp_path)
    assert (tmp_path / "label" / "aaa").is_dir()
    assert "cannot be locked" in caplog.text
