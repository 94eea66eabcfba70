"""Disks that are full: the old result stays, one sentence says why, and a second run finishes."""

import random
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

from benchmarks.faults import process
from benchmarks.faults.commands import COMMANDS, Command
from benchmarks.faults.content import content, leftovers, registry_problems
from benchmarks.faults.journal import Try
from benchmarks.faults.process import Run
from benchmarks.faults.project import Base, prepare
from benchmarks.faults.small_disk import SmallDisk
from components.errors import USER_ERROR
from components.storage.json_files import read_json, write_json

NAME = "full-disk"
_EVERY = 0.02  # seconds between two looks
_SETTLED = 0.02  # of the room that a command needs, which differs a little from run to run


@dataclass(frozen=True)
class Place:
    """A command, and whether only its result lies on the small disk, or the whole project does."""

    command: Command
    result_alone: bool

    @property
    def name(self) -> str:
        """For people."""
        return f"{self.command.name} to {'another disk' if self.result_alone else 'its own disk'}"


_FOLDERS = ("sample", "knowledge", "crawl", "pretrain", "label", "curate", "evaluate", "query", "export")
PLACES = (
    *(Place(COMMANDS[name], result_alone=False) for name in (*_FOLDERS, "promote", "report")),
    *(Place(COMMANDS[name], result_alone=True) for name in _FOLDERS),
)


def attempt(base: Base, place: Place, number: int, disk: Path) -> Try:
    """Runs a command with less room than it needs; then again with enough."""
    chance = random.Random(f"{place.name} {number}")
    command = place.command
    variant = command.variants[-1]
    needed = _needed(base, place, disk)
    room = int(needed * chance.random())
    small = SmallDisk(disk)
    small.mount()
    try:
        project = _placed(base, place, small)
        prepare(project, command, variant)
        before = content(project, command.outputs)
        small.leave(room)
        known = process.children()
        name = f"{place.name.replace(' ', '-')}-{number}"
        run = base.start(project, command, variant, f"full/{name}-full")
        run.wait()
        problems = run.problems()
        kept = content(project, command.outputs)
        wanted = base.expected(command, variant)
        if run.code == USER_ERROR and _differs(kept, before) and _differs(kept, wanted):
            problems.append(f"the old result is not whole: {_differs(kept, before)}")
        problems += [f"orphan: {name}" for name in process.orphans(known)]
        small.leave(None)
        again = base.start(project, command, variant, f"full/{name}-again")
        again.wait()
        problems += [f"again: {problem}" for problem in again.problems()]
        if again.code != 0:
            problems.append(f"again: exit code {again.code}: {again.message[:300]}")
        if differs := _differs(content(project, command.outputs), wanted):
            problems.append(f"again: other than undisturbed: {differs}")
        problems += [f"orphan: {name}" for name in process.orphans(known)]
        problems += registry_problems(project)
        problems += [f"left behind: {name}" for name in leftovers(project)]
    finally:
        small.unmount()
        shutil.rmtree(base.folder / "try", ignore_errors=True)
    happened = {0: "had room", USER_ERROR: "one sentence"}.get(run.code, f"exit code {run.code}")
    details = {"room": room, "needed": needed, "message": run.message}
    return Try(NAME, place.name, number, f"{happened}, then done", problems, details)


def _placed(base: Base, place: Place, small: SmallDisk) -> Path:
    """The project on the small disk; or in its usual place, with the result's folder there."""
    if not place.result_alone:
        return base.copy(small.folder / "project")
    project = base.copy()
    result = project / place.command.outputs[0]
    result.parent.mkdir(exist_ok=True)
    there = small.folder / result.name
    if result.exists():
        shutil.move(result, there)
    else:
        there.mkdir()
    result.symlink_to(there)
    return project


def _needed(base: Base, place: Place, disk: Path) -> int:
    """The bytes that the command takes at most where nothing is in its way."""
    known = base.folder / "needed" / f"{place.name.replace(' ', '-')}.json"
    if not known.exists():
        small = SmallDisk(disk)
        small.mount()
        try:
            project = _placed(base, place, small)
            command, variant = place.command, place.command.variants[-1]
            prepare(project, command, variant)
            before = small.used
            run = base.start(project, command, variant, f"full/{place.name.replace(' ', '-')}-needed")
            most = _most_used(run, small)
            if run.wait() != 0:
                raise RuntimeError(f"{place.name} failed undisturbed: {run.said[-3000:]}")
            wanted = base.expected(command, variant)
            if differs := _differs(content(project, command.outputs), wanted):
                raise RuntimeError(f"{place.name} gives another result undisturbed: {differs}")
        finally:
            small.unmount()
        write_json(known, most - before)
    return int(read_json(known))


def _most_used(run: Run, small: SmallDisk) -> int:
    most = small.used
    while run.goes_on:
        most = max(most, small.used)
        time.sleep(_EVERY)
    return max(most, small.used)


def _differs(found: dict[str, str], wanted: dict[str, str]) -> str:
    names = sorted(name for name in found.keys() | wanted.keys() if found.get(name) != wanted.get(name))
    return f"{len(names)} files, {names[0]} the first" if names else ""
