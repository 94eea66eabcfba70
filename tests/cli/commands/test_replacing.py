"""No command with `--out` replaces what it did not write, or changes what it reads."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import typer
from typer.testing import CliRunner

from components.cli import main
from components.errors import InputError
from tests import ROOT

# Arguments that a command needs, and the ending of what it writes if that is a file.
NEEDED = {
    "pretrain": "clip",
    "export": "models/clip --to hf",
    "evaluate-model": "models/clip",
    "label evaluate": "gold.jsonl",
}
FILES = {"evaluate-model": ".json", "label evaluate": ".json", "label audit": ".html"}
# Options that name no input: knobs, and columns of lists.
NO_INPUT = {"out", "params", "antialias", "examples", "sample", "to", "recipe", "start", "source", "url_column"}
NO_INPUT |= {"text_column", "help", "max_left_out", "no_labels"}


def commands(group: Any, name: str = "") -> Iterator[tuple[str, Any]]:
    if hasattr(group, "commands"):
        for part, command in group.commands.items():
            yield from commands(command, f"{name} {part}".strip())
    else:
        yield name, group


WRITING = {
    name: command
    for name, command in commands(typer.main.get_command(main.app))
    if any(parameter.name == "out" for parameter in command.params)
}
INPUTS = [
    (name, parameter.name)
    for name, command in WRITING.items()
    for parameter in command.params
    if parameter.name not in NO_INPUT
]


def run(name: str, *arguments: str) -> BaseException | None:
    return CliRunner().invoke(main.app, [*name.split(), *arguments]).exception


def needed(name: str) -> list[str]:
    return NEEDED.get(name, "").split()


def state(place: Path) -> dict[Path, bytes | None]:
    return {path: path.read_bytes() if path.is_file() else None for path in sorted(place.rglob("*"))}


@pytest.fixture(autouse=True)
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    shutil.copy(ROOT / "params.yaml", tmp_path)
    return tmp_path


def test_every_command_that_writes_to_a_place_of_the_user_s_is_here() -> None:
    assert len(WRITING) >= 13
    assert set(NEEDED) | set(FILES) <= set(WRITING)
    assert len(INPUTS) >= 25


@pytest.mark.parametrize("name", WRITING)
def test_what_the_command_did_not_write_stays(name: str, place: Path) -> None:
    out = place / f"mine{FILES.get(name, '')}"
    if name in FILES:
        out.write_text("<!doctype html>mine")
    else:
        for part in ("index.html", "web/index.html", "thesis.tex"):
            (out / part).parent.mkdir(parents=True, exist_ok=True)
            (out / part).write_text("mine")
    before = state(place)
    error = run(name, *needed(name), "--out", str(out))
    assert isinstance(error, InputError), error
    assert str(out) in str(error)
    assert "not written by" in str(error) or "did not write" in str(error)
    assert state(place) == before


@pytest.mark.parametrize("name", WRITING)
def test_the_folder_of_unfinished_work_is_no_place_for_results(name: str, place: Path) -> None:
    error = run(name, *needed(name), "--out", f".work/crawl/x{FILES.get(name, '')}")
    assert isinstance(error, InputError), error
    assert "unfinished work" in str(error)
    assert not (place / ".work").exists()


@pytest.mark.parametrize("where", ["the same", "inside", "around"])
@pytest.mark.parametrize(("name", "option"), INPUTS)
def test_an_input_is_not_changed(name: str, option: str, where: str, place: Path) -> None:
    given = place / "around" / "input"
    given.mkdir(parents=True)
    out = {"the same": given, "inside": given / "x", "around": given.parent}[where]
    if name in FILES:
        out = given / f"x{FILES[name]}"
    before = state(place)
    kinds = {parameter.name: parameter.param_type_name for parameter in WRITING[name].params}
    argument = kinds[option] == "argument"
    rest = needed(name)[1:] if argument else needed(name)
    own = [str(given)] if argument else [f"--{option.replace('_', '-')}", str(given)]
    error = run(name, *own, *rest, "--out", str(out))
    assert isinstance(error, InputError), error
    assert str(out) in str(error)
    assert "would change that" in str(error) or "did not write" in str(error)
    assert state(place) == before
