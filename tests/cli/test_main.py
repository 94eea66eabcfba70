"""The command line as users start it: full help, errors on one line with exit code 3."""

import errno
import os
import shutil
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from typer.testing import CliRunner

from components.cli import main
from tests import ROOT
from tests.knowledge.conftest import ITEMS, lines_of


def mofi(*arguments: str, cwd: Path = ROOT, **environment: str) -> "subprocess.CompletedProcess[str]":
    """The command itself, next to the interpreter that runs the tests."""
    command = [str(Path(sys.executable).parent / "mofi"), *arguments]
    plain = {key: value for key, value in os.environ.items() if key not in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS")}
    variables = plain | {"COLUMNS": "120", "NO_COLOR": "1"} | environment
    return subprocess.run(command, cwd=cwd, env=variables, capture_output=True, text=True, check=False)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """An empty folder with the repository's parameters and a small dump."""
    shutil.copy(ROOT / "params.yaml", tmp_path)
    (tmp_path / "dump.json").write_bytes(lines_of(ITEMS))
    return tmp_path


# Help


def shown(*arguments: str) -> str:
    result = CliRunner(env={"COLUMNS": "160"}).invoke(main.app, [*arguments, "--help"])
    assert result.exit_code == 0
    return result.stdout


def test_help_lists_every_command_in_the_order_of_the_chain() -> None:
    text = mofi("--help").stdout
    places = [text.index(f"│ {name} ") for name in main.ORDER]
    assert places == sorted(places)
    for name in ("run", "doctor", "search"):
        assert f"│ {name} " in text
    assert "mofi doctor" in text
    assert "params.yaml" in text


def test_without_arguments_the_help_is_shown() -> None:
    assert "Usage: mofi" in mofi().stdout


ALONE = ("run", "doctor", "search", "crawl", "curate", "pretrain", "evaluate", "promote", "query", "report")
GROUPED = (
    "sample build",
    "sample serve",
    "knowledge build",
    "knowledge lookup",
    "label run",
    "label explain",
    "label evaluate",
    "label fit",
    "work list",
    "work clean",
)


@pytest.mark.parametrize("command", [*ALONE, *GROUPED])
def test_every_command_explains_itself_and_each_of_its_options(command: str) -> None:
    text = shown(*command.split())
    sentence = text.split("Usage:")[1].split("\n", 2)[2].strip()
    assert len(sentence.split("\n\n")[0].split()) >= 4
    lines = [line.strip(" │") for line in text.splitlines()]
    assert not [line for line in lines if line.startswith("--") and len(line.split()) < 4 and "--help" not in line]


def test_a_command_that_does_not_exist_is_answered_with_a_near_one() -> None:
    said = mofi("curat")
    assert said.returncode == 2
    assert "curate" in said.stderr


# Errors


def lines_from(said: "subprocess.CompletedProcess[str]") -> list[str]:
    assert "Traceback" not in said.stderr
    return [line for line in said.stderr.splitlines() if line.startswith("mofi: ")]


def test_an_error_that_the_user_can_mend_is_one_line_and_exit_code_3(place: Path) -> None:
    said = mofi("knowledge", "build", "--dump", "no.json.bz2", cwd=place)
    assert said.returncode == main.USER_ERROR == 3
    (line,) = lines_from(said)
    assert line.startswith("mofi: InputError: no.json.bz2 is missing; name a Wikidata JSON dump with --dump")


def test_each_wrong_parameter_has_a_line(place: Path) -> None:
    text = (place / "params.yaml").read_text().replace("port: 8765", "port: 80").replace("drawings:", "drawing:")
    (place / "wrong.yaml").write_text(text)
    said = mofi("run", "--params", "wrong.yaml", cwd=place)
    assert said.returncode == 3
    lines = lines_from(said)
    assert any("wrong.yaml: sample.port is 80; input should be greater" in line for line in lines)
    assert any("sample.drawing is no known key; did you mean 'drawings'?" in line for line in lines)


def test_a_missing_parameter_file_is_named(tmp_path: Path) -> None:
    said = mofi("curate", cwd=tmp_path)
    assert said.returncode == 3
    assert lines_from(said) == [
        "mofi: ParameterError: params.yaml is missing; run it in the repository's root, or name the file with --params"
    ]


def test_a_busy_port_is_named(place: Path) -> None:
    (place / "data").mkdir()
    from tests.crawl.local_web.test_web import archive

    archive(place / "data", "one", {"index.html": b""})
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        text = (place / "params.yaml").read_text().replace("port: 8765", f"port: {port}")
        (place / "params.yaml").write_text(text)
        said = mofi("sample", "serve", "--web", "data", cwd=place)
    assert said.returncode == 3
    assert f"SetupError: port {port} of 127.0.0.1 is busy" in lines_from(said)[0]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_as_what_it_is(place: Path) -> None:
    (place / "metrics").mkdir()
    (place / "metrics" / "knowledge.json.part").symlink_to("/dev/full")
    said = mofi("knowledge", "build", "--dump", "dump.json", "--out", "base", cwd=place)
    assert said.returncode == 3
    (line,) = lines_from(said)
    assert line.startswith("mofi: SetupError: no space left")
    assert line.endswith(
        "free some and run again: what is finished is kept (`mofi work list` shows what earlier runs left, "
        "`mofi work clean` removes it)"
    )


def test_a_file_in_the_way_of_a_folder_is_named(place: Path) -> None:
    (place / "metrics").write_text("a file where the stage wants a folder")
    said = mofi("knowledge", "build", "--dump", "dump.json", "--out", "base", cwd=place)
    assert said.returncode == 3
    assert lines_from(said) == ["mofi: SetupError: metrics: File exists; move what is there, or name another place"]


def end_with(error: BaseException, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """The last words of a command that raises this."""

    def raising() -> None:
        raise error

    monkeypatch.setattr(main, "app", raising)
    with pytest.raises(SystemExit) as ended:
        main.main()
    assert ended.value.code == 3
    return capsys.readouterr().err


@pytest.mark.parametrize("code", sorted(errno.errorcode))
def test_whatever_the_system_refuses_is_one_line(
    code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    said = end_with(OSError(code, os.strerror(code), "some/file"), monkeypatch, capsys)
    assert said.startswith("mofi: SetupError: ")
    assert "some/file" in said
    assert said.count("\n") == 1


def test_a_copy_that_fails_is_one_line_for_all_its_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("a", "b"):
        (tmp_path / "from" / name).parent.mkdir(exist_ok=True)
        (tmp_path / "from" / name).symlink_to("nowhere")
    with pytest.raises(shutil.Error) as failed:
        shutil.copytree(tmp_path / "from", tmp_path / "to")
    said = end_with(failed.value, monkeypatch, capsys)
    assert said.startswith("mofi: SetupError: the system: No such file or directory; ")


@pytest.mark.parametrize("error", [ZeroDivisionError("of ours"), KeyError("all"), OSError("without a number")])
def test_a_mistake_of_ours_keeps_its_traceback(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def raising() -> None:
        raise error

    monkeypatch.setattr(main, "app", raising)
    with pytest.raises(type(error)):
        main.main()


# A stage


def test_a_stage_writes_its_output_its_measures_and_nothing_else(place: Path) -> None:
    said = mofi("knowledge", "build", "--dump", "dump.json", "--out", "base", cwd=place)
    assert said.returncode == 0, said.stderr
    assert (place / "base" / "entities.parquet").exists()
    assert (place / "metrics" / "knowledge.json").exists()
    assert (place / "metrics" / "seconds" / "knowledge.json").exists()
    assert not list((place / ".work" / "knowledge").iterdir())
    found = mofi("knowledge", "lookup", "turkey", "--base", "base", cwd=place)
    assert [line.split()[0] for line in found.stdout.splitlines()[1:]] == ["Q43", "Q848706"]
