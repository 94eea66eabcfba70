"""What a run reads is not replaced meanwhile: the writer waits, but never for itself."""

import fcntl
import os
import threading
from pathlib import Path

import pytest

from components.storage.atomic import publish_folder
from components.storage.output import reading


def folder(path: Path, content: str) -> Path:
    path.mkdir()
    (path / "a").write_text(content)
    return path


def test_a_writer_waits_until_another_run_has_read_the_former_result(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("INFO")
    out, made = folder(tmp_path / "out", "old"), folder(tmp_path / "made", "new")
    handle = os.open(out, os.O_RDONLY)  # as another process has it
    fcntl.flock(handle, fcntl.LOCK_SH)
    waits = threading.Event()
    caplog.handler.addFilter(lambda record: waits.set() or True)
    writer = threading.Thread(target=publish_folder, args=(made, out))
    writer.start()
    assert waits.wait(60)
    assert (out / "a").read_text() == "old"
    os.close(handle)
    writer.join()
    assert (out / "a").read_text() == "new"
    assert f"waiting for a run that reads {out}" in caplog.text


def test_a_run_does_not_wait_for_itself(tmp_path: Path) -> None:
    out, made = folder(tmp_path / "out", "old"), folder(tmp_path / "made", "new")
    with reading(out):
        publish_folder(made, out)
    assert (out / "a").read_text() == "new"


def test_several_runs_read_at_once_and_nothing_stays_locked(tmp_path: Path) -> None:
    out = folder(tmp_path / "out", "old")
    with (
        reading(out),
        reading(out, str(out), tmp_path / "nowhere", out / "a", "s3://bucket/a", "models:/mofi@champion"),
    ):
        handle = os.open(out, os.O_RDONLY)
        fcntl.flock(handle, fcntl.LOCK_SH | fcntl.LOCK_NB)
        os.close(handle)
    handle = os.open(out, os.O_RDONLY)
    fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    os.close(handle)


def test_where_the_disk_knows_no_locks_reading_and_writing_go_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise OSError(37, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    out, made = folder(tmp_path / "out", "old"), folder(tmp_path / "made", "new")
    with reading(out):
        publish_folder(made, out)
    assert (out / "a").read_text() == "new"


def test_a_reader_of_a_part_keeps_the_whole_from_being_replaced_part_by_part(tmp_path: Path) -> None:
    out = folder(tmp_path / "out", "old")
    folder(out / "part", "old")
    for read in (out / "part", out / "a"):
        with reading(read):
            handle = os.open(out, os.O_RDONLY)
            with pytest.raises(BlockingIOError):
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            os.close(handle)


def test_a_reader_gets_back_what_a_kill_took_away_in_the_middle_of_its_replacement(tmp_path: Path) -> None:
    folder(tmp_path / ".out.old", "old")
    with reading(tmp_path / "out"):
        assert (tmp_path / "out" / "a").read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["out"]


def test_what_may_not_be_read_or_is_no_folder_is_left_out(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    out = folder(tmp_path / "out", "old")
    open_folder = os.open

    def refuse(path: Path, flags: int) -> int:
        if path == out:
            raise PermissionError(13, "Permission denied", str(path))
        return open_folder(path, flags)

    monkeypatch.setattr(os, "open", refuse)
    with reading(out, out / "a", tmp_path / "nowhere" / "out"):
        pass
