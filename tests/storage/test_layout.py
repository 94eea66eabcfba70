"""Outputs replace outputs of earlier runs alone: by what they hold, as no mark is written."""

import json
from collections.abc import Callable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from components.errors import InputError
from components.storage.layout import Layout, check_file, check_inputs, keys_in
from components.storage.output import output

LAYOUT = Layout("mofi make", ("00000.parquet", "00000.tar"), column="site")


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(folder: Path, column: str = "site", tar: bool = True) -> Path:
    folder.mkdir()
    pq.write_table(pa.table({"key": ["a"], column: ["b"]}), folder / "00000.parquet")
    if tar:
        (folder / "00000.tar").touch()
    return folder


def test_what_an_earlier_run_wrote_or_nothing_may_be_replaced(place: Path) -> None:
    write(place / "ours")
    (place / "empty").mkdir()
    (place / "almost").mkdir()
    (place / "almost" / ".gitignore").write_text("/web\n")
    (place / "link").symlink_to("ours")
    for name in ("ours", "empty", "almost", "link", "absent", "absent/deeper"):
        with output(Path(name), LAYOUT):
            pass


FOREIGN: dict[str, Callable[[Path], object]] = {
    "a file of the user's": lambda folder: (folder.mkdir(), (folder / "thesis.tex").touch()),
    "another program's shards": lambda folder: write(folder, "exif"),
    "an index alone": lambda folder: write(folder, tar=False),
    "a folder": lambda folder: (folder / "photographs").mkdir(parents=True),
    "a hidden file": lambda folder: (folder.mkdir(), (folder / ".bashrc").touch()),
    "a damaged index": lambda folder: (write(folder), (folder / "00000.parquet").write_bytes(b"PAR1")),
}


@pytest.mark.parametrize("kind", FOREIGN)
def test_what_no_run_wrote_is_refused_and_stays(place: Path, kind: str) -> None:
    FOREIGN[kind](place / "theirs")
    before = sorted(place.rglob("*"))
    with (
        pytest.raises(InputError, match=r"theirs holds .*, which `mofi make` did not write.*--out, or remove"),
        output(Path("theirs"), LAYOUT),
    ):
        pass
    assert sorted(place.rglob("*")) == before


def test_only_what_is_replaced_counts_where_the_rest_stays(place: Path) -> None:
    layout = Layout("mofi make", ("summary.json",), key="ours", replaces=("index.html", "summary.json"))
    (place / "site").mkdir()
    (place / "site" / "other.html").touch()
    with output(Path("site"), layout):
        pass
    (place / "site" / "index.html").touch()
    with pytest.raises(InputError, match=r"site holds index\.html, which"), output(Path("site"), layout):
        pass
    (place / "site" / "summary.json").write_text(json.dumps({"ours": 1}))
    with output(Path("site"), layout):
        pass


@pytest.mark.parametrize("out", [".work", ".work/crawl/abc", "x/../.work/y", ".", "..", "/"])
def test_the_folder_of_unfinished_work_and_those_around_the_program_are_refused(place: Path, out: str) -> None:
    with pytest.raises(InputError), output(Path(out), LAYOUT):
        pass


@pytest.mark.parametrize("out", ["in", "in/deeper", "in/../in", "link", "link/x", "."])
def test_an_output_that_would_change_an_input_is_refused(place: Path, out: str) -> None:
    (place / "in").mkdir()
    (place / "link").symlink_to("in")
    with pytest.raises(InputError, match="it would change that; name another place"):
        check_inputs(Path(out), [place / "other", place / "in"])
    check_inputs(Path("into"), [place / "in"])


def test_a_file_replaces_a_file_of_the_same_command_alone(place: Path) -> None:
    def check(name: str, *reads: Path) -> None:
        check_file(Path(name), (".json",), "mofi make", lambda file: "figure" in keys_in(file), reads)

    (place / "empty.json").touch()
    (place / "ours.json").write_text('{"figure": 1}')
    for name in ("absent.json", "deep/absent.json", "empty.json", "ours.json"):
        check(name)
    (place / "theirs.json").write_text('{"name": "package"}')
    (place / "folder.json").mkdir()
    refused = {
        "theirs.json": "was not written by `mofi make`",
        "folder.json": "is a folder",
        "figures": "has no ending; name a file that ends in .json",
        "figures.yaml": "ends in '.yaml'",
        ".work/a.json": "unfinished work",
    }
    for name, says in refused.items():
        with pytest.raises(InputError, match=says):
            check(name)
    with pytest.raises(InputError, match="would change that"):
        check("ours.json", Path("ours.json"))
