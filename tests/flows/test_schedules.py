"""A schedule of a Prefect server makes runs, with the versions that requirements.lock names."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.ports import free_port

# Waits for the server, then for its schedule. What is written to the pipe, the test reads.
SERVED = """
import os, socket, time
from pathlib import Path
from prefect import flow

PIPE = Path(os.environ["PIPE"])

@flow
def nightly():
    PIPE.write_text("it ran")

if __name__ == "__main__":
    try:
        while socket.socket().connect_ex(("127.0.0.1", int(os.environ["PORT"]))):
            time.sleep(0.2)
        nightly.serve("every-second", interval=1, limit=1)
    finally:
        PIPE.write_text("it ended without a run")
"""


@contextmanager
def process(command: list[str], log: Path, folder: Path, environment: dict[str, str]) -> Iterator[None]:
    """A process with all that it starts, which ends with the block."""
    with log.open("w") as output:
        started = subprocess.Popen(
            command, stdout=output, stderr=output, cwd=folder, env=environment, start_new_session=True
        )
        try:
            yield
        finally:
            os.killpg(started.pid, signal.SIGKILL)
            started.wait()


@pytest.mark.slow  # a server, a flow that is served, and its run: three processes that load Prefect
def test_a_schedule_makes_a_run(tmp_path: Path) -> None:
    port, pipe = free_port(), tmp_path / "pipe"
    os.mkfifo(pipe)
    (tmp_path / "served.py").write_text(SERVED)
    plain = {key: value for key, value in os.environ.items() if not key.startswith("PREFECT_")}
    environment = plain | {
        "PREFECT_HOME": str(tmp_path / "home"),
        "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
        "PREFECT_SERVER_SERVICES_SCHEDULER_LOOP_SECONDS": "1",
        "PREFECT_RUNNER_POLL_FREQUENCY": "1",
        "DO_NOT_TRACK": "1",
        "PIPE": str(pipe),
        "PORT": str(port),
    }
    server = [sys.executable, "-m", "prefect", "server", "start", "--host", "127.0.0.1", "--port", str(port), "--no-ui"]
    served = environment | {"PREFECT_API_URL": f"http://127.0.0.1:{port}/api"}
    with (
        process(server, tmp_path / "server.log", tmp_path, environment),
        process([sys.executable, "served.py"], tmp_path / "served.log", tmp_path, served),
    ):
        assert pipe.read_text() == "it ran"
