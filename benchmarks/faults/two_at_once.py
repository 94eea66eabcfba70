"""Two commands at once in one folder: both results are right, or one is refused and says why."""

import random
import re
import time
from collections.abc import Iterator
from itertools import combinations
from pathlib import Path

from benchmarks.faults import process
from benchmarks.faults.commands import BASE, COMMANDS, FLOW, OTHER, Command
from benchmarks.faults.content import Content, content, leftovers, registry_problems
from benchmarks.faults.journal import Try
from benchmarks.faults.process import Run
from benchmarks.faults.project import Base, prepare, remove
from components.errors import USER_ERROR

NAME = "two-at-once"
# A refusal names who is in the way, or what: a port that another crawl serves the sample at.
_NAMES_HOLDER = re.compile(r"process \d+ of \S+ \(.+\) works on|port \d+ of \S+ is busy|another .+ is running")
_PROMOTE = COMMANDS["promote"]


def pairs() -> list[tuple[Command, Command]]:
    """Every pair once, the most dangerous first: one command twice, one that reads the other's."""
    alone = [command for command in COMMANDS.values() if command is not FLOW]
    twice = [(command, command) for command in (*alone, FLOW)]
    others = list(combinations((*alone, FLOW), 2))
    reading = [pair for pair in others if _reads(*pair)]
    writing = [pair for pair in others if _PROMOTE in pair and pair not in reading]
    rest = [pair for pair in others if pair not in reading and pair not in writing]
    return [*twice, *reading, *writing, *rest]


def _reads(one: Command, other: Command) -> bool:
    return one.name in other.reads or other.name in one.reads


def attempt(base: Base, one: Command, other: Command, number: int) -> Try:
    """Starts both, the second up to a command's length after the first; judges what they left."""
    chance = random.Random(f"{one.name} {other.name} {number}")
    project = base.copy(flow=FLOW in (one, other))
    first, second = (one, other) if chance.random() < 0.5 else (other, one)
    variants = _variants(first, second, chance)
    fresh = [command for command in {first.name: first, second.name: second}.values() if _may_go(command, one, other)]
    if chance.random() < 0.5:
        for command in fresh:
            remove(project, command)
    else:
        fresh = []
    before = {command.name: content(project, command.outputs) for command in (first, second)}
    for command, variant in zip((first, second), variants, strict=True):
        prepare(project, command, variant)
    delay = 0.0 if chance.random() < 0.3 else chance.uniform(0, base.seconds(first))
    known = process.children()
    runs: list[Run] = []
    for n, (command, variant) in enumerate(zip((first, second), variants, strict=True)):
        runs.append(base.start(project, command, variant, f"two/{one.name}+{other.name}-{number}-{n}"))
        if n == 0:
            time.sleep(delay)  # the moment is the try's, as its seed has it
    for run in runs:
        run.wait()
    problems = [
        f"{command.name}: {p}" for command, run in zip((first, second), runs, strict=True) for p in problems_of(run)
    ]
    problems += [f"orphan: {name}" for name in process.orphans(known)]
    for n, command in enumerate((first, second)):
        problems += _wrong(base, project, n, (first, second), variants, runs, before[command.name])
    problems += registry_problems(project)
    if all(run.code == 0 for run in runs):
        problems += [f"left behind: {name}" for name in leftovers(project)]
    ends = ["done" if run.code == 0 else "refused" if run.code == USER_ERROR else "failed" for run in runs]
    if all(end != "done" for end in ends):
        problems.append("neither was done")
    details = {
        "first": first.name,
        "variants": list(variants),
        "fresh": [command.name for command in fresh],
        "delay": round(delay, 2),
        "messages": [run.message for run in runs if run.message],
    }
    return Try(NAME, f"{one.name} + {other.name}", number, " and ".join(sorted(ends)), problems, details)


def _variants(first: Command, second: Command, chance: random.Random) -> tuple[str, str]:
    """A command whose output the other reads gives its other result: old and new must not mix."""
    if FLOW in (first, second):
        return (OTHER, OTHER) if first is second else tuple(OTHER if c is FLOW else BASE for c in (first, second))  # type: ignore[return-value]
    if first is second:
        return BASE, chance.choice(first.variants)
    changed = [command.name in reader.reads for command, reader in ((first, second), (second, first))]
    return tuple(  # type: ignore[return-value]
        command.variants[-1] if other else BASE for command, other in zip((first, second), changed, strict=True)
    )


def _may_go(command: Command, one: Command, other: Command) -> bool:
    """Whether its old output may be removed before: the other does not need it."""
    return FLOW not in (one, other) and all(command.name not in reader.reads for reader in (one, other))


def problems_of(run: Run) -> Iterator[str]:
    """What is wrong with how a command ended; a refusal must name who or what is in its way."""
    yield from run.problems()
    if run.code == USER_ERROR and not _NAMES_HOLDER.search(run.message):
        yield f"refused without naming who is in the way: {run.message[:300]}"


def _wrong(
    base: Base,
    project: Path,
    n: int,
    commands: tuple[Command, Command],
    variants: tuple[str, str],
    runs: list[Run],
    before: Content,
) -> Iterator[str]:
    """Whether an output is one that a command alone gives."""
    command, other = commands[n], commands[1 - n]
    found = content(project, command.outputs)
    if command is other:
        if n:
            return
        allowed = [base.expected(command, v) for v, run in zip(variants, runs, strict=True) if run.code == 0] or [
            before
        ]
    elif other is FLOW and set(command.outputs) & set(FLOW.outputs):
        return  # it is written by both, as the flow's output is that is compared
    elif runs[n].code != 0:
        allowed = [before]
    else:
        allowed = [base.expected(command, variants[n])]
        if other.name in command.reads and variants[1 - n] == OTHER and runs[1 - n].code == 0:
            allowed.append(base.expected(command, variants[n], changed=other))
    if found not in allowed:
        yield f"{command.name}: {_difference(found, allowed[0])}"


def _difference(found: Content, wanted: Content) -> str:
    missing = sorted(wanted.keys() - found.keys())
    more = sorted(found.keys() - wanted.keys())
    other = sorted(name for name in wanted.keys() & found.keys() if wanted[name] != found[name])
    said = [
        f"{len(names)} files {what} ({names[0]})"
        for names, what in ((missing, "missing"), (more, "too many"), (other, "differ"))
        if names
    ]
    return ", ".join(said)
