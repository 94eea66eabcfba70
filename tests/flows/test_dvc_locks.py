"""Locks that a killed DVC left, in the file that it writes."""

import json
import os
from pathlib import Path

import pytest

from flows import dvc_locks

PATH = "/srv/project/data/knowledge"


@pytest.fixture
def locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    dvc_locks.LOCKS.parent.mkdir(parents=True)
    return dvc_locks.LOCKS


def test_a_lock_whose_number_another_program_has_by_now_is_dropped(locks: Path) -> None:
    stranger = {"pid": os.getpid(), "cmd": "/srv/project/.venv/bin/dvc repro"}
    locks.write_text(json.dumps({"write": {PATH: stranger}, "read": {PATH: [stranger]}}))
    dvc_locks.drop_dead()
    assert json.loads(locks.read_text()) == {"write": {}, "read": {}}


def test_a_lock_of_a_dvc_that_runs_stays(locks: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("psutil.Process.cmdline", lambda _: ["python", "-m", "dvc", "repro"])
    held = {"write": {PATH: {"pid": os.getpid(), "cmd": "dvc"}}, "read": {}}
    locks.write_text(json.dumps(held))
    dvc_locks.drop_dead()
    assert json.loads(locks.read_text()) == held


@pytest.mark.parametrize(
    "content",
    [b"", b"{", b"[]", b"1", b"null", b"\xff", b'{"write": []}', b'{"write": {"a": 1}}', b'{"read": {"a": 1}}'],
)
def test_a_file_that_a_full_disk_left_broken_holds_no_lock(locks: Path, content: bytes) -> None:
    locks.write_bytes(content)
    dvc_locks.drop_dead()
    assert not locks.exists()


def test_no_file_is_no_lock(locks: Path) -> None:
    dvc_locks.drop_dead()
    assert not locks.exists()
