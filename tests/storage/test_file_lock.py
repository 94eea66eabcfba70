"""Locks between processes."""

import fcntl
import subprocess
import sys
from pathlib import Path

import pytest

from components.errors import SetupError
from components.storage.file_lock import lock, locked, open_lock

HOLD = """
import sys
from pathlib import Path
from components.storage.file_lock import locked
with locked(Path(sys.argv[1]), shared=sys.argv[2] == "shared"):
    print("held", flush=True)
    sys.stdin.read()
"""

WAIT = """
import sys
from pathlib import Path
from components.storage.file_lock import locked
print("waiting", flush=True)
with locked(Path(sys.argv[1])):
    print("released:", Path(sys.argv[2]).exists())
"""


def holder(path: Path, kind: str) -> subprocess.Popen[str]:
    """Another process that holds the lock until its input ends, or until it is killed."""
    command = [sys.executable, "-c", HOLD, str(path), kind]
    process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
    assert process.stdout.readline() == "held\n"
    return process


@pytest.mark.parametrize(
    ("held", "shared", "free"),
    [("shared", True, True), ("shared", False, False), ("alone", True, False), ("alone", False, False)],
)
def test_only_shared_locks_are_held_by_several_processes(tmp_path: Path, held: str, shared: bool, free: bool) -> None:
    with holder(tmp_path / "lock", held) as other:
        with open_lock(tmp_path / "lock") as file:
            assert lock(file, shared=shared, wait=False) is free
        other.communicate()
    with open_lock(tmp_path / "lock") as file:
        assert lock(file, shared=shared, wait=False)


def test_a_killed_process_releases_its_lock(tmp_path: Path) -> None:
    with holder(tmp_path / "lock", "alone") as other:
        other.kill()
    with locked(tmp_path / "lock"), open_lock(tmp_path / "lock") as again:
        assert not lock(again, wait=False)


def test_a_lock_is_waited_for(tmp_path: Path) -> None:
    with locked(tmp_path / "lock"):
        command = [sys.executable, "-c", WAIT, str(tmp_path / "lock"), str(tmp_path / "released")]
        waiting = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert waiting.stdout.readline() == "waiting\n"
        (tmp_path / "released").touch()
    assert waiting.communicate()[0] == "released: True\n"


def test_a_lock_leaves_the_file_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("content")
    with locked(tmp_path / "file"):
        assert (tmp_path / "file").read_text() == "content"


def test_a_file_system_without_locks_is_an_error_that_says_what_to_do(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(SetupError, match=r"lock cannot be locked .*No locks available.*; put it on a file system"):
        locked(tmp_path / "lock").__enter__()
