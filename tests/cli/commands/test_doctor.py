"""`mofi doctor`: what is fine is marked fine, and what is missing is named with its fix."""

import os
import socket
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest
import typer
from rich.console import Console

from components.cli.commands import doctor
from components.cli.commands.doctor import CHECKS, Finding
from tests import ROOT


@pytest.fixture(autouse=True)
def at_home(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    for name in ("MLFLOW_TRACKING_URI", "RAY_ADDRESS"):
        monkeypatch.delenv(name, raising=False)


@pytest.fixture
def closed_port() -> int:
    """A port of loopback where nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def knobs_with_port(folder: Path, port: int) -> None:
    text = (ROOT / "params.yaml").read_text().replace("port: 8765", f"port: {port}")
    (folder / "params.yaml").write_text(text)


# The size of this machine, and who listens on the sample's port, are not for a test to say.
ENVIRONMENT = {"_disk", "_memory", "_port"}


@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__.strip("_"))
def test_every_finding_says_what_was_found_and_the_installed_project_passes(check: Callable[[], Finding]) -> None:
    finding = check()
    assert finding.check
    assert finding.found
    assert finding.ok or finding.fix
    if check.__name__ not in ENVIRONMENT:
        assert finding.ok, finding


def test_a_failed_check_ends_the_command_with_an_error(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "300")
    with pytest.raises(typer.Exit) as ended:
        doctor.doctor()
    assert ended.value.exit_code == 1
    shown = capsys.readouterr().out
    assert "change to the root of a git clone" in shown
    assert "params.yaml is missing" in shown


def test_brackets_of_a_fix_are_shown(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "300")
    finding = Finding("faiss", False, "[/nothing]", "pip install '.[cpu]'")
    monkeypatch.setattr(doctor, "CHECKS", (lambda: finding,))
    with pytest.raises(typer.Exit):
        doctor.doctor()
    shown = capsys.readouterr().out
    assert "pip install '.[cpu]'" in shown
    assert "[/nothing]" in shown
    assert Console  # rich's markup is what would swallow them


def test_a_wrong_parameter_is_told_as_the_stages_tell_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    knobs_with_port(tmp_path, 80)
    monkeypatch.chdir(tmp_path)
    finding = doctor._parameters()
    assert not finding.ok
    assert "sample.port is 80" in finding.found
    assert doctor._port().ok  # it cannot be checked, and is not a second error


# Packages


@pytest.mark.parametrize(
    ("line", "found"),
    [
        ("pillow==0.1", ["pillow is "]),
        ("no-such-package-at-all==1.0", ["no-such-package-at-all is missing"]),
        ("no-such-package-at-all==1.0 ; sys_platform == 'none'", []),
        ("# pillow==0.1", []),
        ("    # via pillow==0.1", []),
        ("pillow>1  # not pinned", []),
        ("pillow==0.1    # via mofi-platform", ["pillow is "]),
        ("", []),
    ],
)
def test_packages_are_compared_with_the_lock(line: str, found: list[str]) -> None:
    differing = list(doctor._differing([line]))
    assert len(differing) == len(found)
    assert all(said.startswith(start) for said, start in zip(differing, found, strict=True))


def test_a_package_that_differs_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "requirements.lock").write_text("pillow==0.1\n")
    finding = doctor._packages()
    assert not finding.ok
    assert finding.found.startswith("1 differ from requirements.lock: pillow is ")


# The port


@pytest.mark.parametrize("listening", [True, False])
def test_a_busy_port_is_seen_whether_it_listens_or_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, listening: bool
) -> None:
    monkeypatch.chdir(tmp_path)
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        if listening:
            taken.listen()
        port = taken.getsockname()[1]
        knobs_with_port(tmp_path, port)
        finding = doctor._port()
    assert not finding.ok
    assert finding.found == f"{port} is busy"


def test_a_free_port_is_well(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.chdir(tmp_path)
    knobs_with_port(tmp_path, closed_port)
    assert doctor._port() == Finding("port", True, f"{closed_port} is free")


# Servers


class Health(BaseHTTPRequestHandler):
    """Answers /health as a tracking server does, /sick/health as one in trouble."""

    def do_GET(self) -> None:
        self.send_response({"/health": 200, "/sick/health": 500}.get(self.path, 404))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Nothing."""


@pytest.fixture
def server() -> Iterator[str]:
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


def tracking(monkeypatch: pytest.MonkeyPatch, address: str) -> Finding:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    return doctor._tracking()


def test_a_tracking_server_that_answers_is_well(monkeypatch: pytest.MonkeyPatch, server: str) -> None:
    assert tracking(monkeypatch, f"http://{server}/").ok


def test_embedded_tracking_is_well(monkeypatch: pytest.MonkeyPatch) -> None:
    assert tracking(monkeypatch, "sqlite:///mlflow.db") == Finding("MLflow", True, "sqlite:///mlflow.db")


def test_a_tracking_server_that_does_not_answer_is_seen(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    finding = tracking(monkeypatch, f"http://127.0.0.1:{closed_port}")
    assert not finding.ok
    assert "does not answer" in finding.found
    assert finding.fix == "start it, or unset MLFLOW_TRACKING_URI"


@pytest.mark.parametrize("address", ["http://{server}/sick", "http://", "http://[bad", "http://a b/"])
def test_a_server_in_trouble_and_an_address_that_is_none_are_not_well(
    monkeypatch: pytest.MonkeyPatch, server: str, address: str
) -> None:
    assert not tracking(monkeypatch, address.format(server=server)).ok


def test_something_that_does_not_speak_http_is_not_well(monkeypatch: pytest.MonkeyPatch) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:

        def answer() -> None:
            connection, _ = listener.accept()
            connection.recv(100)
            connection.sendall(b"SSH-2.0 what is this?\r\n\r\n")
            connection.close()

        thread = threading.Thread(target=answer)
        thread.start()
        finding = tracking(monkeypatch, f"http://127.0.0.1:{listener.getsockname()[1]}")
        thread.join()
    assert not finding.ok


def test_a_password_is_never_shown(monkeypatch: pytest.MonkeyPatch, closed_port: int, server: str) -> None:
    for host in (f"127.0.0.1:{closed_port}", server):
        finding = tracking(monkeypatch, f"http://ann:secret@{host}")
        assert "secret" not in repr(finding)
        assert "127.0.0.1" in finding.found


def test_a_ray_cluster_that_does_not_answer_is_seen(monkeypatch: pytest.MonkeyPatch, closed_port: int) -> None:
    monkeypatch.setenv("RAY_ADDRESS", f"127.0.0.1:{closed_port}")
    assert not doctor._ray().ok
    assert "RAY_ADDRESS" in os.environ
