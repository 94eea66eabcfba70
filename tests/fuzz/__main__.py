"""Searches for inputs that crash a reader or cost it too much, guided by coverage.

`python -m tests.fuzz READER… --minutes 10`, or `all`; it needs atheris. What is found goes to
`tests/fuzz/inputs/READER/`, where it fails the tests until it is fixed; commit it with the fix. The
corpus stays in `.fuzz/`, and a later run goes on from there.
"""

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from rich.console import Console
from rich.table import Table

from tests import ROOT
from tests.fuzz.cost import SECONDS
from tests.fuzz.inputs import INPUTS, replay
from tests.fuzz.readers import NAMES, reader

WORK = ROOT / ".fuzz"
_COVERED = re.compile(r"cov: (\d+)")
_LEAST = 5.0  # seconds that are worth another process


@dataclass
class Result:
    """What a run of a reader found.

    Attributes:
        seconds: the most that an input cost, for each started megabyte; `memory` likewise, in
            bytes.
        found: the files in `tests/fuzz/inputs` by what is wrong with them.
    """

    executions: int = 0
    covered: int = 0
    seconds: float = 0.0
    memory: float = 0.0
    found: dict[str, str] = field(default_factory=dict)


def fuzz(name: str, seconds: float) -> Result:
    """Fuzzes a reader for so long; processes that end early are followed by others."""
    folder = WORK / name
    for part in ("found", "ended"):
        shutil.rmtree(folder / part, ignore_errors=True)
        (folder / part).mkdir(parents=True)
    _fill(folder / "corpus", name)
    result, end = Result(), time.monotonic() + seconds
    while (left := end - time.monotonic()) > _LEAST:
        (folder / "session.json").unlink(missing_ok=True)
        with (folder / "log.txt").open("wb") as log:
            command = [sys.executable, "-m", "tests.fuzz.session", name, str(folder), str(int(left))]
            done = subprocess.run(command, cwd=ROOT, stdout=log, stderr=subprocess.STDOUT, check=False)
        _add_session(result, folder)
        ended = [path for path in (folder / "ended").iterdir() if not (folder / "found" / path.name[:20]).exists()]
        for path in ended:
            path.rename(folder / "found" / path.name[:20])
        if done.returncode and not ended:
            tail = (folder / "log.txt").read_text(errors="replace")[-2000:]
            raise SystemExit(f"{name}: the process ended with {done.returncode} and left no input:\n{tail}")
    _collect(result, name, folder / "found")
    return result


def _fill(corpus: Path, name: str) -> None:
    corpus.mkdir(exist_ok=True)
    for number, seed in enumerate(reader(name).seeds()):
        (corpus / f"seed-{number}").write_bytes(seed)
    for path in (INPUTS / name).glob("*"):
        shutil.copyfile(path, corpus / path.name)


def _add_session(result: Result, folder: Path) -> None:
    said = (folder / "log.txt").read_text(errors="replace")
    result.covered = max([result.covered, *map(int, _COVERED.findall(said))])
    if (folder / "session.json").is_file():
        session = json.loads((folder / "session.json").read_text())
        result.executions += session["executions"]
        result.seconds = max(result.seconds, session["worst"][0])
        result.memory = max(result.memory, session["worst"][1])


def _collect(result: Result, name: str, found: Path) -> None:
    """Moves what a fresh process without instrumentation confirms to the committed inputs."""
    for path in sorted(path for path in found.iterdir() if not path.suffix):
        problem = replay(name, [path]).problem
        if problem:
            (INPUTS / name).mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, INPUTS / name / f"{path.name}.input")
            result.found[path.name] = problem


def table_of(results: dict[str, Result]) -> Table:
    """A row per reader; costs are per started MB, as measured within the fuzzing process."""
    table = Table("reader", box=None)
    for column in ("executions", "covered", "worst s", "worst MB", "found"):
        table.add_column(column, justify="right")
    for name, one in results.items():
        numbers = (f"{one.executions:,}", f"{one.covered:,}", f"{one.seconds:.2f}", f"{one.memory / 1e6:.0f}")
        table.add_row(name, *numbers, str(len(one.found)))
    return table


def main(arguments: Sequence[str]) -> int:
    """Returns 1 if anything was found."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("readers", nargs="+", metavar="READER", help=f"all, or some of {', '.join(NAMES)}")
    parser.add_argument("--minutes", type=float, default=10.0, help="of each reader")
    chosen = parser.parse_args(arguments)
    unknown = [name for name in chosen.readers if name not in NAMES and name != "all"]
    if unknown:
        parser.error(f"{unknown[0]} is no reader; name some of {', '.join(NAMES)}, or all")
    names = NAMES if "all" in chosen.readers else chosen.readers
    console, results = Console(width=100), {}
    for name in names:
        results[name] = result = fuzz(name, 60 * chosen.minutes)
        console.print(table_of({name: result}))
        for path, problem in result.found.items():
            console.print(f"{name}/{path}: {problem}", markup=False)
    console.print(f"bounds, for each started MB of input: {SECONDS:g} s, and 100 MB (pictures 400)", table_of(results))
    return int(any(result.found for result in results.values()))


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
