"""A process that waits for the end of another one and ends what that left behind.

A run that is killed outright cannot end the servers and stages that it started. They carry a mark
in their environment, which they inherit, and by which the watchdog finds them.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from uuid import uuid4

import psutil

MARK = "MOFI_RUN"
_PATIENCE = 10.0  # seconds
_ROUNDS = 5
# The watchdog of this process, whose end it sees as the end of this pipe.
_started: list["subprocess.Popen[bytes]"] = []


def start() -> None:
    """From now on, what this process starts ends with it at the latest; once per process."""
    if _started and _started[0].poll() is None:
        return
    os.environ[MARK] = uuid4().hex
    _started[:] = [
        subprocess.Popen(
            [sys.executable, "-I", __file__, os.environ[MARK]],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            cwd="/",
            start_new_session=True,
        )
    ]


def end_marked(mark: str, patience: float = _PATIENCE) -> None:
    """Asks all processes with this mark to end, and kills those that do not within the patience."""
    for _ in range(_ROUNDS):  # what ends may start others meanwhile
        left = _marked(mark)
        if not left:
            return
        for process in left:
            with suppress(psutil.Error):
                process.terminate()
        deadline = time.monotonic() + patience
        while time.monotonic() < deadline and any(_runs(process) for process in left):
            time.sleep(0.05)
        for process in left:
            with suppress(psutil.Error):
                process.kill()


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for process in psutil.process_iter():
        with suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark and process.pid != os.getpid() and _runs(process):
                found.append(process)
    return found


def _runs(process: psutil.Process) -> bool:
    try:
        return bool(process.is_running() and process.status() != psutil.STATUS_ZOMBIE)
    except psutil.Error:
        return False


def _watch(mark: str) -> None:
    for ignored in (signal.SIGHUP, signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)
    sys.stdin.buffer.read()  # until the other end of the pipe is closed
    end_marked(mark)


if __name__ == "__main__":
    _watch(sys.argv[1])
