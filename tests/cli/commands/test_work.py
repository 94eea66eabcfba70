"""`mofi work`: what interrupted runs left is listed, and removed unless a run works on it."""

import os
import time
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from components.cli import main
from components.storage.claims import lock_file, release
from components.storage.file_lock import lock, open_lock
from components.storage.work import NOTE, work_folder


@pytest.fixture(autouse=True)
def works(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, Path]:
    """Of two crawls, five days and no day old, and of one labelling."""
    monkeypatch.chdir(tmp_path)
    found = {}
    for stage, mark, days in (("crawl", "aaa", 5), ("crawl", "bbb", 0), ("label", "ccc", 5)):
        folder = work_folder(stage, mark, out=Path("data") / mark)
        (folder / "half").write_bytes(bytes(2_500_000))
        release(folder)
        then = time.time() - days * 86_400
        os.utime(folder / NOTE, (then, then))
        found[mark] = folder
    return found


def mofi(*arguments: str) -> Result:
    return CliRunner(env={"COLUMNS": "200"}).invoke(main.app, ["work", *arguments])


def test_each_is_listed_with_its_output_size_and_age() -> None:
    lines = mofi("list").stdout.splitlines()
    (old,) = [line.split() for line in lines if "aaa" in line]
    assert old[0] == "crawl"
    assert old[1].endswith("data/aaa")
    assert old[2:4] == ["2.5", "5.0"]
    assert len(lines) == 4


def test_what_a_run_works_on_is_shown_and_kept(works: dict[str, Path]) -> None:
    path = lock_file(works["bbb"])
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_lock(path) as file:
        assert lock(file, wait=False)
        file.write("process 12 of elsewhere")
        file.flush()
        assert "process 12 of elsewhere" in mofi("list").stdout
        said = mofi("clean").stdout
    assert [work.exists() for work in works.values()] == [False, True, False]
    assert f"kept {works['bbb']}: process 12 of elsewhere works on it" in said
    assert said.endswith("5.0 MB are free again; 1 in use\n")


@pytest.mark.parametrize(
    ("options", "left"),
    [
        (["--days", "3"], ["bbb"]),
        (["--stage", "crawl"], ["ccc"]),
        (["--stage", "crawl", "--days", "3"], ["bbb", "ccc"]),
        (["--days", "6"], ["aaa", "bbb", "ccc"]),
    ],
)
def test_what_is_removed_can_be_chosen(options: list[str], left: list[str], works: dict[str, Path]) -> None:
    assert mofi("clean", *options).exit_code == 0
    assert [mark for mark, work in works.items() if work.exists()] == left


def test_nothing_left_is_said() -> None:
    mofi("clean")
    assert mofi("list").stdout == "no unfinished work in .work\n"
