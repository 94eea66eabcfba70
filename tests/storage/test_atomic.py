"""A file or folder holds the old content or the new, whole, even if its writer is killed."""

import errno
import os
import shutil
import threading
from itertools import count
from pathlib import Path

import pytest

from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.storage.atomic import new_file, new_folder, publish_folder
from components.storage.json_files import write_json
from components.storage.output import writing
from tests.killing import killed_before

ITEMS = ["a word", "another"]


def write(item: str, number: int, out: Path) -> Outcome:
    """Two files a shard."""
    (out / f"{number:05d}.txt").write_text(f"{item}\n" * 100)
    write_json(out / f"{number:05d}_stats.json", {"item": item})
    return Outcome({"words": 100}, attempted=100)


def contents(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def finish(work: Path, out: Path) -> None:
    """The end of a stage, as the rooms write it."""
    finished, _ = map_shards(write, ITEMS, stage="test", work=work)
    write_json(finished / "stats.json", {"all": True})
    publish_folder(finished, out)
    shutil.rmtree(work)


def other_file_system(tmp_path: Path) -> Path | None:
    place = Path("/dev/shm")
    if not os.access(place, os.W_OK) or place.stat().st_dev == tmp_path.stat().st_dev:
        return None
    return place / f"mofi-test-{os.getpid()}"


@pytest.mark.parametrize("across", [False, True], ids=["same-disk", "other-disk"])
def test_after_a_kill_at_any_moment_of_publishing_a_second_run_gives_the_whole_result(
    ray_cluster: None, tmp_path: Path, across: bool
) -> None:
    place = other_file_system(tmp_path) if across else tmp_path
    if place is None:
        pytest.skip("no second file system here")
    template = tmp_path / "template"
    finished, _ = map_shards(write, ITEMS, stage="test", work=template)
    expected = contents(finished) | {"stats.json": b'{\n  "all": true\n}\n'}
    try:
        for change in count(1):
            work, out = tmp_path / f"work-{change}", place / f"out-{change}" / "labels"
            shutil.copytree(template, work)
            out.mkdir(parents=True)
            (out / "old.txt").write_text("old")
            killed = killed_before(change, finish, work, out)
            assert not out.exists() or contents(out) in ({"old.txt": b"old"}, expected)
            finish(work, out)
            assert contents(out) == expected
            assert [p.name for p in out.parent.iterdir()] == ["labels"]
            if not killed:
                break
        assert change > 4 * len(ITEMS)
    finally:
        if across:
            shutil.rmtree(place, ignore_errors=True)


def test_publishing_replaces_what_was_there_and_takes_the_folder_away(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a").write_text("new")
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "b").write_text("old")
    publish_folder(tmp_path / "new", tmp_path / "out")
    assert contents(tmp_path) == {"out/a": b"new"}


def test_publishing_to_a_link_replaces_what_it_points_to(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()
    (tmp_path / "new" / "a").touch()
    (tmp_path / "big-disk").mkdir()
    (tmp_path / "out").symlink_to(tmp_path / "big-disk")
    publish_folder(tmp_path / "new", tmp_path / "out")
    assert (tmp_path / "out").is_symlink()
    assert [p.name for p in (tmp_path / "big-disk").iterdir()] == ["a"]


def test_publishing_never_replaces_the_folder_that_the_program_stands_in(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "work").mkdir()
    (tmp_path / "sources").mkdir()
    monkeypatch.chdir(tmp_path / "sources")
    for out in (Path(), tmp_path):
        with pytest.raises(InputError, match="name a folder of its own"):
            publish_folder(tmp_path / "work", out)
    assert (tmp_path / "work").exists()


@pytest.mark.parametrize("shared", [False, True])
def test_a_new_file_replaces_the_old_one_when_it_is_finished(tmp_path: Path, shared: bool) -> None:
    path = tmp_path / "made" / "file.txt"
    for text in ("first", "second"):
        before = contents(tmp_path)
        with new_file(path, shared=shared) as partial:
            partial.write_text(text)
            assert {name: data for name, data in contents(tmp_path).items() if ".part" not in name} == before
        assert contents(tmp_path) == {"made/file.txt": text.encode()}


@pytest.mark.parametrize("shared", [False, True])
def test_a_file_stays_as_it_was_when_writing_fails(tmp_path: Path, shared: bool) -> None:
    (tmp_path / "file.txt").write_text("old")
    with pytest.raises(OSError, match="disk full"), new_file(tmp_path / "file.txt", shared=shared) as partial:
        partial.write_text("half")
        raise OSError("disk full")
    assert contents(tmp_path) == {"file.txt": b"old"}


def test_writers_of_a_shared_file_do_not_write_into_each_others_files(tmp_path: Path) -> None:
    path = tmp_path / "file.txt"
    with new_file(path, shared=True) as one, new_file(path, shared=True) as other:
        one.write_text("one")
        other.write_text("other")
        assert one.read_text() == "one"
    assert contents(tmp_path) == {"file.txt": b"one"}


def test_a_new_folder_replaces_the_old_one_and_what_a_kill_left(tmp_path: Path) -> None:
    for name in ("out", "out.part"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "old").touch()
    with new_folder(tmp_path / "out") as folder:
        (folder / "new").write_text("new")
        assert (tmp_path / "out" / "old").exists()
    assert contents(tmp_path) == {"out/new": b"new"}


def test_a_folder_stays_as_it_was_when_filling_it_fails(tmp_path: Path) -> None:
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "old").write_text("old")
    with pytest.raises(OSError, match="disk full"), new_folder(tmp_path / "out") as folder:
        (folder / "new").touch()
        raise OSError("disk full")
    assert contents(tmp_path) == {"out/old": b"old"}


@pytest.mark.parametrize("out", [".", "..", "/", "file"])
def test_what_is_no_folder_of_its_own_is_refused_before_any_work(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, out: str
) -> None:
    (tmp_path / "project").mkdir()
    (tmp_path / "project/file").write_text("mine")
    monkeypatch.chdir(tmp_path / "project")
    with pytest.raises(InputError, match="would be replaced"), writing(Path(out)):
        pytest.fail("work begins")
    assert (tmp_path / "project/file").read_text() == "mine"


@pytest.mark.parametrize("across", [False, True], ids=["same-disk", "other-disk"])
def test_a_result_is_never_missing_while_it_is_replaced(tmp_path: Path, across: bool) -> None:
    place = other_file_system(tmp_path) if across else tmp_path
    if place is None:
        pytest.skip("no second file system here")
    out, ended, missing = place / "out", threading.Event(), []

    def watch() -> None:
        while not ended.is_set():
            if not os.path.exists(out / "a"):  # noqa: PTH110 - as fast as can be
                missing.append(True)

    try:
        out.mkdir(parents=True)
        (out / "a").touch()
        watcher = threading.Thread(target=watch)
        watcher.start()
        for number in range(200):
            made = tmp_path / f"made-{number}"
            made.mkdir()
            (made / "a").touch()
            publish_folder(made, out)
        ended.set()
        watcher.join()
    finally:
        if across:
            shutil.rmtree(place, ignore_errors=True)
    assert not missing


def test_a_result_that_cannot_be_put_in_its_place_stays_where_it_was_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> bool:
        raise OSError(errno.EBUSY, "busy")

    monkeypatch.setattr("components.storage.atomic.exchange", refuse)
    for name in ("made", "out"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a").write_text(name)
    with pytest.raises(OSError, match="busy"):
        publish_folder(tmp_path / "made", tmp_path / "out")
    assert contents(tmp_path) == {"made/a": b"made", "out/a": b"out"}


def test_where_folders_cannot_swap_names_a_kill_still_leaves_the_old_result_or_the_new(tmp_path: Path) -> None:
    for change in count(1):
        place = tmp_path / str(change)
        for name in ("made", "out"):
            (place / name).mkdir(parents=True)
            (place / name / "a").write_text(name)
        killed = killed_before(change, publish_without_swap, place / "made", place / "out")
        with writing(place / "out"):
            assert contents(place / "out") in ({"a": b"made"}, {"a": b"out"})
        if not killed:
            break
    assert change > 3


def publish_without_swap(made: Path, out: Path) -> None:
    from components.storage import atomic

    atomic.exchange = lambda *_: False  # in this process, which ends
    publish_folder(made, out)
