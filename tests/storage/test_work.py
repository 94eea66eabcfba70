"""Unfinished work is named by all that its result depends on, and stays while it may be of use."""

import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from components.errors import InputError
from components.section import Section
from components.storage.claims import release
from components.storage.work import (
    KEPT_DAYS,
    NOTE,
    drop,
    drop_finished,
    drop_old,
    fingerprint,
    unfinished,
    work_folder,
)


class Knobs(Section):
    WITHOUT_EFFECT: ClassVar = frozenset({"max_error_share", "log_every"})

    size: int = Field(default=1)
    max_error_share: float = Field(default=0.1)
    log_every: float = Field(default=5.0)


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "sub" / "b").write_text("other"),
        lambda folder: (folder / "a").rename(folder / "c"),
        lambda folder: (folder / "a").rename(folder / "sub" / "a"),
        lambda folder: (folder / "new").touch(),
        lambda folder: (folder / "a").unlink(),
    ],
    ids=["bytes", "name", "place", "more", "less"],
)
def test_a_fingerprint_changes_with_a_folders_names_and_bytes(tmp_path: Path, change: Callable[[Path], object]) -> None:
    (tmp_path / "sub").mkdir()
    (tmp_path / "a").write_text("one")
    (tmp_path / "sub" / "b").write_text("two")
    before = fingerprint(tmp_path)
    assert fingerprint(tmp_path) == before
    change(tmp_path)
    assert fingerprint(tmp_path) != before


def test_a_fingerprint_changes_with_values_and_their_order_but_not_with_where_a_folder_lies(tmp_path: Path) -> None:
    assert fingerprint(Knobs(size=1)) != fingerprint(Knobs(size=2))
    assert fingerprint("a", "b") != fingerprint("b", "a")
    assert fingerprint("ab") != fingerprint("a", "b")
    for place in ("here", "there"):
        (tmp_path / place).mkdir()
        (tmp_path / place / "file").write_text("same")
    assert fingerprint(tmp_path / "here") == fingerprint(tmp_path / "there")


def test_raising_the_error_share_or_logging_more_keeps_what_is_finished() -> None:
    assert fingerprint(Knobs(max_error_share=0.1)) == fingerprint(Knobs(max_error_share=0.5, log_every=1.0))


def test_a_missing_input_is_named(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"no-crawl is missing; run the stage"):
        fingerprint(tmp_path / "no-crawl")


def left(stage: str, mark: str, root: Path, out: object = "out", *, days: float = 0.0, size: int = 0) -> Path:
    """What an interrupted run left so many days ago."""
    folder = work_folder(stage, mark, root, out)
    (folder / "half").write_bytes(bytes(size))
    release(folder)
    then = time.time() - days * 86_400
    os.utime(folder / NOTE, (then, then))
    return folder


def test_a_work_folder_stays_until_its_run_is_finished(tmp_path: Path) -> None:
    first = work_folder("label", "aaa", tmp_path)
    (first / "file").touch()
    assert (work_folder("label", "aaa", tmp_path) / "file").exists()
    assert first.is_absolute()
    drop(first)
    drop(first)  # another process may have dropped it first
    assert list((tmp_path / "label").iterdir()) == []


def test_runs_that_alternate_find_their_unfinished_work_again(tmp_path: Path) -> None:
    works = [
        left("crawl", mark, tmp_path, out, size=1) for mark, out in (("aaa", "one"), ("bbb", "two"), ("ccc", "one"))
    ]
    for work in works:
        again = work_folder("crawl", work.name, tmp_path)
        assert (again / "half").exists()
        release(again)


def test_a_finished_output_takes_older_work_for_the_same_output_along(tmp_path: Path) -> None:
    left("crawl", "aaa", tmp_path, tmp_path / "out")
    other_output = left("crawl", "bbb", tmp_path, tmp_path / "other")
    other_stage = left("label", "ccc", tmp_path, tmp_path / "out")
    unknown = left("crawl", "ddd", tmp_path, "")
    drop_finished(work_folder("crawl", "eee", tmp_path, tmp_path / "sub" / ".." / "out"))
    assert [one.folder for one in unfinished(tmp_path)] == [other_output, other_stage, unknown]


def test_work_that_nobody_has_gone_on_with_for_long_is_removed_and_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    old = left("crawl", "aaa", tmp_path, days=KEPT_DAYS + 1)
    young = left("label", "bbb", tmp_path, days=KEPT_DAYS - 1)
    work_folder("curate", "ccc", tmp_path)
    assert not old.exists()
    assert young.exists()
    assert f"{old}, unfinished work of 0 MB, is removed: unused for 15 days" in caplog.text


def test_of_work_that_takes_more_than_there_is_room_for_the_oldest_goes(tmp_path: Path) -> None:
    works = [left("crawl", str(days), tmp_path, days=days, size=2000) for days in (3, 2, 1)]
    kept = left("crawl", "new", tmp_path, size=9000)
    drop_old(tmp_path, kept, room=5000)
    assert [work.exists() for work in [*works, kept]] == [False, True, True, True]


def test_what_the_same_process_works_on_is_never_removed(tmp_path: Path) -> None:
    work = work_folder("pretrain_clip", "aaa", tmp_path)
    then = time.time() - 100 * 86_400
    os.utime(work / NOTE, (then, then))
    work_folder("pretrain_catalogue", "bbb", tmp_path)
    assert work.exists()


@pytest.mark.parametrize("content", [b"", b"{", b"[]", b"{}", b"\xff", b'{"out": 1}'])
def test_a_note_that_a_full_disk_left_broken_counts_as_work_for_an_unknown_output(
    tmp_path: Path, content: bytes
) -> None:
    work = left("crawl", "aaa", tmp_path)
    (work / NOTE).write_bytes(content)
    drop_finished(work_folder("crawl", "bbb", tmp_path, "out"))
    assert [one.folder for one in unfinished(tmp_path)] == [work]


def test_work_of_versions_that_wrote_no_note_and_half_removed_work_is_removed(tmp_path: Path) -> None:
    for name in ("aaa", "dropped-bbb-12345678"):
        (tmp_path / "label" / name).mkdir(parents=True)
    (tmp_path / "label" / "stray file").touch()
    work_folder("label", "ccc", tmp_path)
    assert [p.name for p in (tmp_path / "label").iterdir()] == ["ccc"]
