"""A fingerprint names work by all that its result depends on; other work of a stage is dropped."""

from collections.abc import Callable
from pathlib import Path
from typing import ClassVar

import pytest
from pydantic import Field

from components.errors import InputError
from components.section import Section
from components.storage.work import drop, fingerprint, work_folder


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


def test_a_work_folder_stays_for_equal_parameters_and_drops_those_of_others(tmp_path: Path) -> None:
    first = work_folder("label", "aaa", tmp_path)
    (first / "file").touch()
    other_stage = work_folder("curate", "aaa", tmp_path)
    assert (work_folder("label", "aaa", tmp_path) / "file").exists()
    (tmp_path / "label" / "stray file").touch()
    second = work_folder("label", "bbb", tmp_path)
    assert [p.name for p in (tmp_path / "label").iterdir()] == ["bbb"]
    drop(second)
    drop(second)  # another process may have dropped it first
    assert list((tmp_path / "label").iterdir()) == []
    assert second.is_absolute()
    assert other_stage.exists()
