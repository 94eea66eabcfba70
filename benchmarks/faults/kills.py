"""Kills at random moments: a plain second run gives what an undisturbed one does."""

import random
import shutil
import signal
import time
from pathlib import Path

from benchmarks.faults import process
from benchmarks.faults.commands import BASE, COMMANDS, FLOW, OTHER
from benchmarks.faults.content import content, leftovers, registry_problems
from benchmarks.faults.journal import Try
from benchmarks.faults.project import Base, prepare, remove, wait_for_files

NAME = "kills"
# What is killed, and by which signals. A flow is hung up on and terminated, too.
KILLED = ("crawl", "label", "curate", "promote", "publish", "pretrain", "query", "knowledge", "sample", "flow")
_SIGNALS = {"flow": (signal.SIGKILL, signal.SIGHUP, signal.SIGTERM)}
_AFTERWARDS = 0.05  # seconds after the last file seen, at most


def attempt(base: Base, what: str, number: int, elsewhere: Path) -> Try:
    """Kills a command when some random number of files has appeared; runs it again at once.

    Args:
        base: the small chain.
        what: of `KILLED`; `publish` is a crawl whose result goes to another file system.
        number: which try.
        elsewhere: a folder on another file system, for `publish`.
    """
    chance = random.Random(f"{what} {number}")
    command = COMMANDS["crawl" if what == "publish" else what]
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
    most = base.files(command)
    files, late = chance.randint(0, most), chance.uniform(0, _AFTERWARDS)
    if files == 0:
        late = chance.uniform(0, base.seconds(command))
    number_of = chance.choice(_SIGNALS.get(what, (signal.SIGKILL,)))
    known = process.children()
    run = base.start(project, command, BASE, f"kills/{what}-{number}-killed")
    seen = wait_for_files(run, project, files)
    time.sleep(late)  # the moment is the try's, as its seed has it
    hit = run.send(number_of)
    run.wait()
    again = base.start(project, command, BASE, f"kills/{what}-{number}-again")
    again.wait()
    problems = [f"again: {problem}" for problem in again.problems()]
    if again.code != 0:
        problems.append(f"again: exit code {again.code}: {again.message[:300]}")
    problems += [f"orphan: {name}" for name in process.orphans(known)]
    if not hit:
        problems += run.problems()
    wanted = base.expected(command, OTHER if command is FLOW else BASE)
    found = content(project, command.outputs)
    if found != wanted:
        differ = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
        problems.append(f"{len(differ)} files differ from those of an undisturbed run ({differ[0]})")
    problems += registry_problems(project)
    problems += [f"left behind: {name}" for name in leftovers(project)]
    happened = f"{number_of.name}, then done" if hit else "was done before"
    details = {"files": files, "of": most, "seen": seen, "late": round(late, 3), "signal": number_of.name}
    return Try(NAME, what, number, happened, problems, details)
