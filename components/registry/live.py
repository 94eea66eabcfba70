"""Curves in MLflow while a training runs: the driver sends on what a worker appends to a file."""

import json
import logging
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mlflow.exceptions import MlflowException

from components.registry.runs import StageRun

logger = logging.getLogger(__name__)

_EVERY = 5.0  # seconds
_PATIENCE = 30.0  # seconds that the end waits for a server that is slow


@contextmanager
def followed(run: StageRun, path: Path, every: float = _EVERY) -> Iterator[None]:
    """Sends what is appended to `path` while the body runs, which no failure of MLflow stops.

    Args:
        run: an open run; points that it already has, from before a resume, are not sent again.
        path: JSON lines `{"step": 64, "metrics": {"curve.loss": 2.1}}`; it need not be there yet.
        every: seconds between two looks.
    """
    end, follower = threading.Event(), _Follower(run, path)

    def work() -> None:
        while not end.wait(every):
            follower.send()
        follower.send()

    thread = threading.Thread(target=work, name="live-curve", daemon=True)
    thread.start()
    try:
        yield
    finally:
        end.set()
        thread.join(_PATIENCE)


class _Follower:
    """Reads whole lines from where it stopped."""

    def __init__(self, run: StageRun, path: Path) -> None:
        self._run, self._path, self._read, self._silent = run, path, 0, False

    def send(self) -> None:
        """What came since the last call. What cannot be sent is tried again by the next one."""
        if not self._path.exists():
            return
        with self._path.open("rb") as stream:
            stream.seek(self._read)
            text = stream.read()
        text = text[: text.rfind(b"\n") + 1]
        try:
            if text:
                self._run.log_points(_points(text))
        except (MlflowException, OSError) as error:
            if not self._silent:
                logger.warning("MLflow takes no curves at the moment (%s); the training goes on", error)
            self._silent = True
            return
        self._read, self._silent = self._read + len(text), False


def _points(text: bytes) -> list[tuple[str, float, int]]:
    """JSON lines → (metric, value, step); a line that a kill cut short is left out."""
    points: list[tuple[str, float, int]] = []
    for line in text.splitlines():
        try:
            content: dict[str, Any] = json.loads(line)
        except ValueError:
            continue
        points += [(name, float(value), int(content["step"])) for name, value in content["metrics"].items()]
    return points
