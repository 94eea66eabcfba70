"""Two runs at once: of two commands that write the same output the second is refused at once."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.cli import main
from components.errors import SetupError
from components.storage.file_lock import lock, open_lock
from components.storage.location import folder_at
from components.storage.output import writing
from tests import ROOT

# Each command that writes a folder, with its default output.
COMMANDS = {
    "sample build": "data/sample",
    "knowledge build": "data/knowledge",
    "crawl": "data/crawl",
    "pretrain clip": "models/clip",
    "label run": "data/labels",
    "curate": "data/i2e",
    "evaluate": "data/evaluation",
    "query": "data/query",
    "export models/clip --to hf --out exported": "exported",
}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


@contextmanager
def another_run(path: Path) -> Iterator[None]:
    """The lock, held as by another process: locks belong to open files."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with open_lock(path) as file:
        assert lock(file, wait=False)
        file.write("process 12 of elsewhere (mofi test, since noon)")
        file.flush()
        yield


@pytest.mark.parametrize("command", COMMANDS)
def test_a_second_run_that_writes_the_same_is_refused_before_it_touches_anything(command: str, place: Path) -> None:
    out = Path(COMMANDS[command])
    with another_run(out.with_name(f".{out.name}.lock")):
        before = sorted(place.rglob("*"))
        result = CliRunner().invoke(main.app, command.split())
        after = sorted(place.rglob("*"))
    assert isinstance(result.exception, SetupError)
    assert str(result.exception) == (
        f"process 12 of elsewhere (mofi test, since noon) works on {place / out}; wait until it is done, or stop it"
    )
    assert after == before


@pytest.mark.parametrize("command", COMMANDS)
def test_a_refused_or_failed_command_leaves_no_lock_and_no_unfinished_work_of_others_is_lost(
    command: str, place: Path
) -> None:
    if command == "sample build":
        pytest.skip("it needs no input")
    stage = command.split(maxsplit=1)[0]
    unfinished = place / ".work" / stage / "aaa" / "half"
    unfinished.parent.mkdir(parents=True)
    (unfinished.parent / "work.json").write_text('{"out": ""}')
    unfinished.touch()
    result = CliRunner().invoke(main.app, command.split())
    assert isinstance(result.exception, main.MofiError)
    assert unfinished.exists()
    assert not list(place.rglob(".*.lock"))


def test_the_same_output_by_another_path_is_the_same(place: Path) -> None:
    (place / "real").mkdir()
    (place / "link").symlink_to("real")
    with another_run(place / ".real.lock"):
        for name in ("real", "link", "link/../real", str(place / "real"), f"file://{place}/real"):
            with pytest.raises(SetupError, match="process 12 of elsewhere"), writing(folder_at(name)):
                pass


def test_outputs_in_buckets_are_locked_within_a_project(place: Path) -> None:
    with writing(folder_at("s3://bucket/a/b")):
        (path,) = (place / ".work/.locks/outputs").iterdir()
    with (
        another_run(path),
        writing(folder_at("s3://bucket/a/c")),
        pytest.raises(SetupError, match="works on s3://bucket/a/b"),
        writing(folder_at("s3://bucket/a/b/")),
    ):
        pass


def test_what_stands_in_the_lock_names_the_command_but_not_its_arguments(
    place: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("sys.argv", ["/bin/mofi", "label", "run", "--crawl", "s3://key:secret@bucket"])
    with writing(Path("out")):
        text = (place / ".out.lock").read_text()
    assert "(mofi label run, since 2" in text
    assert "secret" not in text
    monkeypatch.setattr("sys.argv", ["/bin/mofi", "search", "http://user:secret@host"])
    with writing(Path("out")):
        assert "secret" not in (place / ".out.lock").read_text()


@pytest.mark.parametrize("kind", ["file", "read-only"])
def test_an_output_that_cannot_be_written_is_said_before_the_work_begins(kind: str, place: Path) -> None:
    if kind == "file":
        (place / "data").write_text("in the way")
    else:
        (place / "data").symlink_to("/proc/1/fd/none")
    result = CliRunner().invoke(main.app, ["curate"])
    assert isinstance(result.exception, SetupError)
    assert "/i2e cannot be written (" in str(result.exception)
