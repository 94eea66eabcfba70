"""DVC as the flow sees it: which stages exist, which changed, and how one is run."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Collection, Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any
from urllib.parse import quote, unquote

import psutil

from components.errors import USER_ERROR, SetupError
from components.storage.json_files import write_json

# What DVC says of a command that failed. Its own exit code is another one.
_EXITED = re.compile(r"exited with (-?\d+)")
_EDGE = re.compile(r'"([^"]+)" -> "([^"]+)"')
_NODE = re.compile(r'^\s*"([^"]+)";?\s*$', re.MULTILINE)
# A note for each stage that runs: the leader of its process group.
NOTES = Path(".work/flow")


class StageFailed(Exception):
    """A stage ended with an error; `repeatable` says whether running it again may help."""

    def __init__(self, stage: str, code: int, tail: list[str]) -> None:
        exits = [int(found[1]) for line in tail if (found := _EXITED.search(line))]
        self.repeatable = USER_ERROR not in exits
        errors = [line for line in tail if line.startswith("mofi: ")]
        reason = " ".join(errors) if errors else "\n".join(tail[-15:])
        super().__init__(f"stage {stage} failed (exit code {exits[-1] if exits else code}): {reason}")


@dataclass(frozen=True)
class Graph:
    """Stages in an order in which they can run, and for each the stages it needs."""

    needs: Mapping[str, frozenset[str]]

    @property
    def order(self) -> list[str]:
        """Every stage after those it needs; among equals, the order of dvc.yaml."""
        return list(TopologicalSorter(self.needs).static_order())

    def below(self, stages: Iterable[str]) -> set[str]:
        """The given stages and all that need them, directly or not."""
        found = set(stages)
        for stage in self.order:
            if self.needs[stage] & found:
                found.add(stage)
        return found

    def ready(self, done: Collection[str]) -> list[str]:
        """The stages that are not done, and need none that is not, in order."""
        return [stage for stage in self.order if stage not in done and self.needs[stage] <= set(done)]

    def within(self, stages: Collection[str]) -> "Graph":
        """The graph of these stages alone."""
        return Graph({stage: self.needs[stage] & set(stages) for stage in self.needs if stage in stages})

    def above(self, stage: str) -> set[str]:
        """A stage and all that it needs, directly or not."""
        found, waiting = set[str](), [stage]
        while waiting:
            current = waiting.pop()
            if current not in found:
                found.add(current)
                waiting.extend(self.needs[current])
        return found


def read_graph() -> Graph:
    """The graph of dvc.yaml, as DVC resolves it.

    Raises:
        SetupError: if DVC cannot read it.
    """
    return parse_dot(_dvc("dag", "--dot"))


def parse_dot(text: str) -> Graph:
    """DVC's dot output → graph."""
    needs: dict[str, set[str]] = {name: set() for name in _NODE.findall(text)}
    for upstream, stage in _EDGE.findall(text):
        needs.setdefault(upstream, set())
        needs.setdefault(stage, set()).add(upstream)
    return Graph({stage: frozenset(needs[stage]) for stage in sorted(needs)})


def changed_stages() -> set[str]:
    """The stages whose inputs, parameters or outputs differ from dvc.lock; others may follow."""
    return set(json.loads(_dvc("status", "--json")))


def _dvc(*arguments: str) -> str:
    done = subprocess.run([*_COMMAND, *arguments], capture_output=True, text=True, check=False, env=environment())
    if done.returncode != 0:
        raise SetupError(
            f"`dvc {' '.join(arguments)}` failed: {done.stderr.strip()}; run it by hand in the repository's root to see more"
        )
    return done.stdout


_COMMAND = [sys.executable, "-m", "dvc"]


def environment() -> dict[str, str]:
    """This environment with the interpreter's folder first on PATH: no active venv is needed."""
    bin_folder = str(Path(sys.executable).parent)
    path = os.environ.get("PATH", "")
    return os.environ | {"PATH": os.pathsep.join([bin_folder, path]), "DVC_NO_ANALYTICS": "1", "PYTHONUNBUFFERED": "1"}


def reproduce(stage: str, log: Callable[[str], None]) -> bool:
    """Runs `dvc --wait-for-lock repro --single-item STAGE`; `log` gets each line that it prints.

    The command leads a process group of its own. Whatever ends this function early (an interrupt, a
    cancelled flow, an error in `log`) ends the whole group.

    Returns:
        Whether the stage ran; False when DVC found it up to date.

    Raises:
        StageFailed: with the last lines that it printed.
    """
    command = [*_COMMAND, "--wait-for-lock", "repro", "--single-item", stage]
    process = subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
        env=environment(),
        start_new_session=True,
    )
    _running.add(process)
    note = _remember(stage, process.pid)
    tail: list[str] = []
    ran = False
    try:
        assert process.stdout is not None
        for line in process.stdout:
            text = line.rstrip()
            if text:
                tail = [*tail[-40:], text]
                ran = ran or text.startswith("Running stage")
                log(text)
        code = process.wait()
    finally:
        end_group(process)
        _running.discard(process)
        note.unlink(missing_ok=True)
    if code != 0:
        raise StageFailed(stage, code, tail)
    return ran


# Stages that run in threads of this process.
_running: set["subprocess.Popen[str]"] = set()


def end_running() -> None:
    """Ends every stage that this process runs, in whatever thread."""
    for process in list(_running):
        end_group(process)


def end_group(process: "subprocess.Popen[Any]", patience: float = 10.0) -> None:
    """Asks a process group to end, and kills it if it does not within `patience` seconds."""
    _end_group(process.pid, patience)
    process.wait()


def _end_group(leader: int, patience: float = 10.0) -> bool:
    """See `end_group`; returns whether anyone was left of the group, whose leader may be gone."""
    try:
        os.killpg(leader, signal.SIGTERM)
    except ProcessLookupError:
        return False
    deadline = time.monotonic() + patience
    while time.monotonic() < deadline and _is_alive(leader):
        time.sleep(0.05)
    with suppress(ProcessLookupError):
        os.killpg(leader, signal.SIGKILL)
    return True


def _is_alive(leader: int) -> bool:
    """Whether any process of the group runs; those that nobody has waited for yet do not."""
    for process in psutil.process_iter(["pid", "status"]):
        with suppress(psutil.Error, ProcessLookupError):
            if os.getpgid(process.pid) == leader and process.info["status"] != psutil.STATUS_ZOMBIE:
                return True
    return False


def _remember(stage: str, leader: int) -> Path:
    """Notes who leads the stage's process group, and which flow runs it.

    Without the note nobody could end the stage of a killed flow.

    Raises:
        SetupError: if the note cannot be written; the group is ended.
    """
    note = NOTES / f"{quote(stage, safe='@')}.json"
    try:
        write_json(note, {"leader": _identity(leader), "flow": _identity(os.getpid())})
    except OSError as error:
        _end_group(leader)
        raise SetupError(f"{note} cannot be written ({error}); free some space and run again") from error
    return note


def _identity(pid: int) -> list[float]:
    """A process id and when it started, which tells a process from a later one with the same id."""
    return [pid, float(psutil.Process(pid).create_time())]


def end_orphans() -> list[str]:
    """Ends the stages that a flow left behind when it was killed outright; returns their names.

    The stages of a flow that is alive are left alone. It is known by its process id and start time,
    so another program that got the same id does not count as one. A note that cannot be read, as a
    full disk leaves them, counts as none.
    """
    return [unquote(note.stem) for note in sorted(NOTES.glob("*.json")) if _end_noted(note)]


def _end_noted(note: Path) -> bool:
    try:
        left = json.loads(note.read_text(encoding="utf-8"))
        (leader, begun), flow = map(float, left["leader"]), list(map(float, left["flow"]))
    except (OSError, ValueError, KeyError, TypeError):
        note.unlink(missing_ok=True)
        return False
    with suppress(psutil.NoSuchProcess, OverflowError, ValueError):
        if _identity(int(flow[0])) == flow:
            return False
    ended = _is_ours(int(leader), begun) and _end_group(int(leader))
    note.unlink(missing_ok=True)
    return ended


def _is_ours(leader: int, begun: float) -> bool:
    """Whether a process group still is the one that was noted.

    Its leader started when the note says; if the leader is gone, the others of its session work in
    this folder.
    """
    with suppress(psutil.Error, OverflowError, ValueError):
        return _identity(leader)[1] == begun
    here = str(Path.cwd())
    for process in psutil.process_iter():
        with suppress(psutil.Error, ProcessLookupError):
            if os.getsid(process.pid) == leader and process.cwd() == here:
                return True
    return False
