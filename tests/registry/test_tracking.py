"""Where MLflow keeps its runs: a server that asks for a password, and what is said of it."""

import base64
import json
import os
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import ClassVar

import mlflow
import pytest

from components.errors import SetupError
from components.registry import tracking

USER, PASSWORD = "us@er", "p@ss/w:rd"
WRITTEN = "us%40er:p%40ss%2Fw:rd"


class Server(BaseHTTPRequestHandler):
    """Answers as a tracking server does, to who has the password."""

    refused: ClassVar[list[str]] = []

    def do_GET(self) -> None:
        wanted = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = self.headers["Authorization"] == wanted
        if not known:
            type(self).refused.append(self.path)
        experiment = {"experiment_id": "7", "name": "mofi", "lifecycle_stage": "active", "artifact_location": "x"}
        body = json.dumps({"experiment": experiment} if known else {"error_code": "UNAUTHENTICATED"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    do_POST = do_GET

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Host and port; MLflow's variables are as before, afterwards."""
    monkeypatch.chdir(tmp_path)
    for name in ("TRACKING_URI", "TRACKING_USERNAME", "TRACKING_PASSWORD", "REGISTRY_URI"):
        monkeypatch.setenv(f"MLFLOW_{name}", "")
    Server.refused.clear()
    serving = ThreadingHTTPServer(("127.0.0.1", 0), Server)
    Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
    yield f"127.0.0.1:{serving.server_address[1]}"
    serving.shutdown()
    serving.server_close()
    mlflow.set_tracking_uri("")


def test_a_server_s_password_in_its_address_works(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{WRITTEN}@{server}")
    assert tracking.connect() == "7"
    assert set(Server.refused) <= {"/health"}
    assert mlflow.get_tracking_uri() == os.environ["MLFLOW_TRACKING_URI"] == f"http://{server}", "as MLflow prints it"


def test_a_second_connection_and_a_child_know_the_password_too(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{WRITTEN}@{server}")
    tracking.connect()
    assert tracking.connect() == "7"
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == (USER, PASSWORD)


@pytest.mark.parametrize(
    "address",
    [
        "http://user:PaSs0w1rd@127.0.0.1:9",
        "http://user:p/PaSs0w1rd@127.0.0.1:9",
        "http://user:p#PaSs0w1rd@127.0.0.1:9",
        "http://127.0.0.1:9/?token=PaSs0w1rd",
        "nonsense://user:PaSs0w1rd@127.0.0.1:9/mlflow",
    ],
)
def test_no_message_has_the_password(server: str, monkeypatch: pytest.MonkeyPatch, address: str) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", address)
    with pytest.raises(SetupError, match="MLFLOW_TRACKING_URI") as refused:
        tracking.connect()
    assert "PaSs0w1rd" not in str(refused.value)


def test_a_login_of_the_registry_is_used_and_not_printed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{server}")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"http://{WRITTEN}@{server}")
    assert tracking.connect() == "7"
    assert os.environ["MLFLOW_REGISTRY_URI"] == f"http://{server}"
    assert (os.environ["MLFLOW_TRACKING_USERNAME"], os.environ["MLFLOW_TRACKING_PASSWORD"]) == (USER, PASSWORD)


def test_two_logins_are_refused_without_being_printed(server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://{WRITTEN}@{server}")
    monkeypatch.setenv("MLFLOW_REGISTRY_URI", f"http://other:PaSs0w1rd@{server}")
    with pytest.raises(SetupError, match="MLFLOW_TRACKING_URI and MLFLOW_REGISTRY_URI name different users") as refused:
        tracking.connect()
    assert "PaSs0w1rd" not in str(refused.value)
