"""A server's answer, asked without the user and the password of its address."""

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from threading import Thread
from typing import ClassVar

import pytest

from components.execution.server import ask_health
from tests.ports import free_port


class Health(BaseHTTPRequestHandler):
    """Answers with the number in the path; notes what it is asked."""

    asked: ClassVar[list[tuple[str, str | None]]] = []

    def do_GET(self) -> None:
        self.asked.append((self.path, self.headers["Authorization"]))
        self.send_response(int(self.path.split("/")[1]))
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def server() -> Iterator[str]:
    Health.asked.clear()
    with HTTPServer(("127.0.0.1", 0), Health) as serving:
        Thread(target=serving.serve_forever, args=(0.01,), daemon=True).start()
        yield f"127.0.0.1:{serving.server_address[1]}"
        serving.shutdown()


@pytest.mark.parametrize("status", [200, 401, 403, 404, 500])
def test_an_error_is_an_answer_too(server: str, status: int) -> None:
    assert ask_health(f"http://user:secret@{server}/{status}/") == status
    assert Health.asked == [(f"/{status}/health", None)]


def test_where_nothing_listens_that_is_said() -> None:
    with pytest.raises(OSError, match="refused"):
        ask_health(f"http://127.0.0.1:{free_port()}")


@pytest.mark.parametrize(
    "address", ["http://user:PaSs0w1rd/@host:x", "http://", "file:///etc/passwd", "nonsense", "http://h:PaSs0w1rd"]
)
def test_what_is_no_address_is_said_without_any_of_it(address: str) -> None:
    with pytest.raises((ValueError, OSError)) as refused:
        ask_health(address)
    assert "PaSs0w1rd" not in str(refused.value)
