"""Kills at random moments: a plain second run gives what an undisturbed one does."""

import random
import shutil
import signal
import time
from pathlib import Path

from benchmarks.faults import process
from benchmarks.faults.commands import BASE, COMMANDS, FLOW, OTHER, Command
from benchmarks.faults.content import content, leftovers, registry_problems
from benchmarks.faults.journal import Try
from benchmarks.faults.project import Base, prepare, remove, wait_for_files

NAME = "kills"
# What is killed, and by which signals. A flow is hung up on and terminated, too.
KILLED = ("crawl", "label", "curate", "promote", "publish", "pretrain", "query", "knowledge", "sample", "flow")
_SIGNALS = {"flow": (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM)}
_AFTERWARDS = 0.05  # seconds after the last file seen, at most
_TRIES = 4  # to hit it; each halves the latest moment


def attempt(base: Base, what: str, number: int, elsewhere: Path) -> Try:
    """Kills a command when some random number of files has appeared; runs it again at once.

    A command that ends before is run again, to be killed at an earlier moment.

    Args:
        base: the small chain.
        what: of `KILLED`; `publish` is a crawl whose result goes to another file system.
        number: which try.
        elsewhere: a folder on another file system, for `publish`.
    """
    chance = random.Random(f"{what} {number}")
    command = COMMANDS["crawl" if what == "publish" else what]
    signal_sent = chance.choice(_SIGNALS.get(what, (signal.SIGKILL,)))
    name = f"kills/{what}-{number}"
    most, longest, problems = base.files(command), base.seconds(command), []
    known = process.children()
    hit, missed = False, 0
    while not hit and missed < _TRIES:
        project = _prepared(base, what, command, elsewhere)
        files = chance.randint(0, most)
        late = chance.uniform(0, _AFTERWARDS if files else longest)
        run = base.start(project, command, BASE, f"{name}-killed")
        seen = wait_for_files(run, project, files)
        time.sleep(late)  # the moment is the try's, as its seed has it
        hit = run.send(signal_sent)
        run.wait()
        if not hit:
            problems += run.problems()
            missed, most, longest = missed + 1, min(most, seen) // 2, longest / 2
    if not hit:
        problems.append(f"ended before it was killed, {missed} times")
    again = base.start(project, command, BASE, f"{name}-again")
    again.wait()
    problems += [f"again: {problem}" for problem in again.problems()]
    if again.code != 0:
        problems.append(f"again: exit code {again.code}: {again.message[:300]}")
    problems += [f"orphan: {name}" for name in process.orphans(known)]
    wanted = base.expected(command, OTHER if command is FLOW else BASE)
    found = content(project, command.outputs)
    if found != wanted:
        differ = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        problems.append(f"{len(differ)} files differ from those of an undisturbed run ({differ[0]})")
    problems += registry_problems(project)
    problems += [f"left behind: {name}" for name in leftovers(project)]
    happened = f"{signal_sent.name}, then done" if hit else "was done before"
    details: dict[str, object] = {"files": files, "of": most, "seen": seen, "late": round(late, 3), "missed": missed}
    return Try(NAME, what, number, happened, problems, details)


def _prepared(base: Base, what: str, command: Command, elsewhere: Path) -> Path:
    """A copy of the project in which the command has something to do."""
    project = base.copy(flow=command is FLOW)
    if what == "publish":
        shutil.rmtree(elsewhere, ignore_errors=True)
        shutil.rmtree(project / "data/crawl")
        elsewhere.mkdir()
        (project / "data/crawl").symlink_to(elsewhere)
    elif command is FLOW:
        prepare(project, command, OTHER)
    else:
        remove(project, command)
    return project
