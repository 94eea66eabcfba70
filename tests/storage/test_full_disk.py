"""A full disk: the former result stays whole, a sentence says so, and the next try succeeds."""

import os
import resource
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import pytest

from components.errors import SetupError
from components.storage.atomic import new_file, new_folder, publish_folder
from components.storage.json_files import write_json
from components.storage.work import WORK, work_folder
from tests.full_disk import full_after
from tests.storage.test_atomic import contents, other_file_system

NEW = {"a": b"new", "sub/b": b"new too"}


def fill(folder: Path) -> None:
    for name, data in NEW.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(data)


def published(place: Path, made: Path) -> None:
    if not made.exists():
        fill(made)
    publish_folder(made, place / "out")


def filled(place: Path, _: Path) -> None:
    with new_folder(place / "out") as folder:
        fill(folder)


def written(place: Path, _: Path) -> None:
    for name, data in NEW.items():
        with new_file(place / "out" / name) as partial:
            partial.write_bytes(data)


@pytest.fixture(params=[False, True], ids=["same-disk", "other-disk"])
def place(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Path]:
    found = other_file_system(tmp_path) if request.param else tmp_path / "place"
    if found is None:
        pytest.skip("no second file system here")
    yield found
    shutil.rmtree(found, ignore_errors=True)


@pytest.mark.parametrize("store", [published, filled, written])
def test_wherever_the_disk_gets_full_each_file_is_old_or_new_and_the_next_try_succeeds(
    store: Callable[[Path, Path], None], place: Path, tmp_path: Path
) -> None:
    old = dict.fromkeys(NEW, b"old")
    for changes in count():
        shutil.rmtree(place, ignore_errors=True)
        for name, data in old.items():
            (place / "out" / name).parent.mkdir(parents=True, exist_ok=True)
            (place / "out" / name).write_bytes(data)
        succeeded = False
        for _ in range(2):  # a second try on the same disk loses nothing either
            with full_after(changes, place):
                try:
                    store(place, tmp_path / "made")
                    succeeded = True
                except (OSError, SetupError):
                    pass
            found = contents(place / "out")
            assert {name: found[name] for name in NEW} in (old, NEW) or store is written
            assert all(found[name] in (old[name], NEW[name]) for name in NEW)
        store(place, tmp_path / "made")
        assert contents(place) == {f"out/{name}": data for name, data in NEW.items()}
        if succeeded:
            break
    assert changes > 0


@contextmanager
def largest_file(size: int) -> Iterator[None]:
    """The system refuses to write more into a file, after half of it may have been written."""
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))


def test_a_result_that_does_not_fit_on_the_other_disk_leaves_both_results_whole(tmp_path: Path) -> None:
    place = other_file_system(tmp_path)
    if place is None:
        pytest.skip("no second file system here")
    made, out = tmp_path / "made", place / "out"
    made.mkdir()
    (made / "big").write_bytes(bytes(100_000))
    out.mkdir(parents=True)
    (out / "old").write_bytes(b"old")
    try:
        for _ in range(2):
            with (
                largest_file(50_000),
                pytest.raises(
                    SetupError, match=r"made cannot be copied to .*\(File too large; \d+ MiB free there\); make"
                ),
            ):
                publish_folder(made, out)
            assert contents(place) == {"out/old": b"old"}
            assert contents(made) == {"big": bytes(100_000)}
        publish_folder(made, out)
        assert contents(place) == {"out/big": bytes(100_000)}
        assert not made.exists()
    finally:
        shutil.rmtree(place)


def test_what_a_kill_took_away_in_the_middle_of_a_replacement_comes_back_if_the_next_try_fails(tmp_path: Path) -> None:
    (tmp_path / ".out.old").mkdir()
    (tmp_path / ".out.old" / "a").write_text("old")
    with pytest.raises(OSError, match="full"), new_folder(tmp_path / "out"):
        raise OSError("full")
    assert contents(tmp_path) == {"out/a": b"old"}


def test_half_a_json_file_is_never_seen(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"old": True})
    before = contents(tmp_path)
    with largest_file(10), pytest.raises(OSError, match="File too large"):
        write_json(tmp_path / "a.json", {"new": "long enough"})
    assert contents(tmp_path) == before


def test_work_that_cannot_be_noted_can_be_begun_again(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for changes in count():
        try:
            with full_after(changes, tmp_path):
                work_folder("crawl", "aaa")
            break
        except OSError:
            assert work_folder("crawl", "aaa") == tmp_path / WORK / "crawl" / "aaa"
    assert changes > 0
    assert os.listdir(tmp_path) == [str(WORK)]  # noqa: PTH208
