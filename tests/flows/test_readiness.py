"""What a run of the chain lacks is said at once, in one sentence."""

import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from components.errors import SetupError
from flows.readiness import check_prefect, check_prefect_home, check_repository


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / ".dvc").mkdir()
    (tmp_path / "dvc.yaml").touch()
    return tmp_path


def test_an_unpacked_archive_without_git_is_named_and_what_helps(project: Path) -> None:
    with pytest.raises(SetupError, match=rf"{project} is no git clone, which DVC needs; .*`git init`"):
        check_repository()
    subprocess.run(["git", "init", "-q"], check=True)
    check_repository()


def test_a_worktree_of_git_and_a_project_below_a_clone_count_as_clones(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (project / ".git").write_text("gitdir: /elsewhere")
    check_repository()
    inner = project / "inner"
    (inner / ".dvc").mkdir(parents=True)
    (inner / "dvc.yaml").touch()
    monkeypatch.chdir(inner)
    check_repository()


def test_dvc_may_work_without_git_if_its_configuration_says_so(project: Path) -> None:
    (project / ".dvc" / "config").write_text("[core]\n    no_scm = True\n")
    check_repository()


@pytest.mark.parametrize("missing", ["dvc.yaml", ".dvc"])
def test_another_folder_than_the_projects_is_named(missing: str, project: Path) -> None:
    (project / missing).rename(project / "moved")
    with pytest.raises(SetupError, match=rf"has no {missing}; run it in the root"):
        check_repository()


@contextmanager
def server(status: int) -> Iterator[str]:
    """An HTTP server that answers everything with this status."""

    class Answer(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None: ...

    with HTTPServer(("127.0.0.1", 0), Answer) as listening:
        threading.Thread(target=listening.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{listening.server_port}/api"
        listening.shutdown()


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_prefect_server_that_answers_is_used_even_if_it_asks_for_a_login(status: int) -> None:
    with server(status) as address:
        check_prefect(address)


def test_without_an_address_prefect_starts_a_server_of_its_own() -> None:
    check_prefect(None)
    check_prefect("")


@pytest.mark.parametrize(
    "address", ["http://127.0.0.1:{port}/api", "no address", "http://[", "ftp://127.0.0.1:{port}/"]
)
def test_an_address_where_no_server_answers_is_named(address: str) -> None:
    with socket.socket() as bound:  # nobody listens
        bound.bind(("127.0.0.1", 0))
        with pytest.raises(SetupError, match=r"^no Prefect server answers at PREFECT_API_URL=.*unset PREFECT_API_URL"):
            check_prefect(address.format(port=bound.getsockname()[1]))


def test_another_server_than_prefects_is_named_and_no_password_is_shown() -> None:
    with server(404) as address, pytest.raises(SetupError, match=r"\(HTTP 404\)") as caught:
        check_prefect(address.replace("://", "://someone:secret@"))
    assert "secret" not in str(caught.value)


def test_a_home_of_prefect_that_cannot_be_written_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("PREFECT_HOME", str(tmp_path / "file" / "home"))
    with pytest.raises(SetupError, match=r"PREFECT_HOME=.*/file/home cannot be written \(Not a directory\)"):
        check_prefect_home()
