"""Commands in processes of their own, and what is left of their descendants afterwards."""

import atexit
import ctypes
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing import get_context
from multiprocessing.process import BaseProcess
from pathlib import Path
from typing import Protocol

import psutil

from components.errors import USER_ERROR

_SUBREAPER = 36  # PR_SET_CHILD_SUBREAPER
_LONGEST = 1200.0  # seconds that a command may take
_UNSET = ("RAY_ADDRESS", "MLFLOW_TRACKING_URI", "PREFECT_HOME", "PREFECT_API_URL", "MOFI_RUN")
# A message of the command line, as it begins.
_MESSAGE = "mofi: "
_TRACEBACK = "Traceback (most recent call last)"
# What a command imports before it works, as the process has that it is forked from; not Ray, whose
# token would be read before it is known.
_SLOW = ["components.cli.main", "mlflow", "torch", "open_clip", "pyarrow.parquet", "spacy"]
_forkserver = get_context("forkserver")


class Process(Protocol):
    """A process that was started, in either way."""

    pid: int

    def wait(self, longest: float) -> int | None:
        """The exit code, or None if it runs longer."""


class _Executed:
    def __init__(self, process: "subprocess.Popen[bytes]") -> None:
        self._process, self.pid = process, process.pid

    def wait(self, longest: float) -> int | None:
        try:
            return self._process.wait(longest)
        except subprocess.TimeoutExpired:
            return None


class _Forked:
    def __init__(self, process: BaseProcess) -> None:
        assert process.pid is not None
        self._process, self.pid = process, process.pid

    def wait(self, longest: float) -> int | None:
        self._process.join(longest)
        return self._process.exitcode


@dataclass
class Run:
    """A command that was started, with a file of all that it prints."""

    process: Process
    log: Path
    hung: bool = False

    @property
    def goes_on(self) -> bool:
        """Whether it has not ended."""
        return self.process.wait(0) is None

    def wait(self, longest: float = _LONGEST) -> int:
        """Its exit code; one that takes too long is killed."""
        code = self.process.wait(longest)
        if code is None:
            self.hung = True
            os.kill(self.process.pid, signal.SIGKILL)
            code = self.process.wait(longest)
        assert code is not None
        return code

    @property
    def code(self) -> int:
        """The exit code, once it has ended; negative = a signal."""
        return self.wait()

    def send(self, number: int) -> bool:
        """Sends a signal; whether the process was still there to get it."""
        if not self.goes_on:
            return False
        os.kill(self.process.pid, number)
        return True

    @property
    def said(self) -> str:
        """All that it printed."""
        return self.log.read_text(encoding="utf-8", errors="replace")

    @property
    def message(self) -> str:
        """The error that it ended with, for people."""
        lines = [line.removeprefix(_MESSAGE) for line in self.said.splitlines() if line.startswith(_MESSAGE)]
        return " ".join(lines)

    def problems(self) -> list[str]:
        """What is wrong with how it ended: an end other than 0, or than 3 with one sentence."""
        if self.hung:
            return [f"hung for {_LONGEST:.0f} s"]
        found = []
        if self.code not in (0, USER_ERROR):
            found.append(f"exit code {self.code}")
        if self.code == USER_ERROR and not self.message:
            found.append("exit code 3 without a message")
        if _TRACEBACK in self.said:
            found.append(f"traceback: {self.said.rstrip().splitlines()[-1][:200]}")
        return found


def environment(source: Path, address: str | None) -> dict[str, str]:
    """For commands with the code below `source`; they join a Ray, or each starts its own."""
    own = {key: value for key, value in os.environ.items() if key not in _UNSET}
    own |= {"PYTHONPATH": str(source), "PYTHONUNBUFFERED": "1", "COLUMNS": "200", "NO_COLOR": "1"}
    own["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), own.get("PATH", "")])
    return own | ({"RAY_ADDRESS": address} if address else {})


def start(
    project: Path, words: tuple[str, ...], log: Path, variables: Mapping[str, str], *, forked: bool = False
) -> Run:
    """Starts `mofi WORDS` in a project, in a session of its own.

    Args:
        project: the folder.
        words: what stands after `mofi`.
        log: receives what it prints.
        variables: its environment.
        forked: from a process that has imported what is slow to import, instead of a new one.
    """
    log.parent.mkdir(parents=True, exist_ok=True)
    if forked:
        process = _forkserver.Process(target=_command, args=(project, words, log, dict(variables)))
        process.start()
        return Run(_Forked(process), log)
    with log.open("wb") as said:
        executed = subprocess.Popen(
            [sys.executable, "-m", "components.cli.main", *words],
            cwd=project,
            env=dict(variables),
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )
    return Run(_Executed(executed), log)


def prepare_forks() -> None:
    """Starts the process that commands are forked from."""
    _forkserver.set_forkserver_preload(_SLOW)
    process = _forkserver.Process(target=int)
    process.start()
    process.join()


def _command(project: Path, words: tuple[str, ...], log: Path, variables: dict[str, str]) -> None:
    """As if it were executed: with its own session, folder, environment, output and end."""
    os.setsid()
    os.chdir(project)
    os.environ.clear()
    os.environ.update(variables)
    with log.open("wb") as said:
        for stream in (sys.stdout, sys.stderr):
            os.dup2(said.fileno(), stream.fileno())
    sys.argv = ["mofi", *words]
    from components.cli.main import main

    try:
        main()
    finally:
        atexit._run_exitfuncs()


def adopt_orphans() -> None:
    """From now on, a process whose parent ends becomes a child of this one, which sees it."""
    if ctypes.CDLL(None, use_errno=True).prctl(_SUBREAPER, 1, 0, 0, 0):
        raise OSError(ctypes.get_errno(), "prctl")


def children() -> set[psutil.Process]:
    """The processes below this one, directly."""
    return set(psutil.Process().children())


def orphans(known: set[psutil.Process], patience: float = 90.0) -> list[str]:
    """Waits for the end of the children that are not known; kills and names those that stay."""
    deadline = time.monotonic() + patience
    while (left := _alive(known)) and time.monotonic() < deadline:
        time.sleep(0.1)
    names = [_name(process) for process in left]
    for process in left:
        for member in (*_below(process), process):
            with suppress(psutil.Error):
                member.kill()
    _alive(known)
    return names


def _alive(known: set[psutil.Process]) -> list[psutil.Process]:
    """Unknown children that run; those that have ended are taken note of."""
    left = []
    for child in children() - known:
        with suppress(psutil.Error, ChildProcessError):
            if child.status() == psutil.STATUS_ZOMBIE:
                os.waitpid(child.pid, os.WNOHANG)
            else:
                left.append(child)
    return left


def _below(process: psutil.Process) -> list[psutil.Process]:
    with suppress(psutil.Error):
        return list(process.children(recursive=True))
    return []


def _name(process: psutil.Process) -> str:
    with suppress(psutil.Error):
        return " ".join(process.cmdline())[:120]
    return "ended just now"
