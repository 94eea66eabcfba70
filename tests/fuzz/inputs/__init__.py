"""Inputs that once crashed a reader or cost it too much, a folder per reader; and their replay."""

import json
import subprocess
import sys
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory

from tests import ROOT

INPUTS = Path(__file__).parent


@dataclass
class Replay:
    """What came of a replay.

    Attributes:
        outcomes: of all inputs.
        problem: what is wrong with which input; empty if nothing is.
        worst: CPU seconds and bytes for each started megabyte of input, the most of each.
    """

    outcomes: Counter[str] = field(default_factory=Counter)
    problem: str = ""
    worst: tuple[float, float] = (0.0, 0.0)


def replay(name: str, files: list[Path], mutations: int = 0) -> Replay:
    """Runs a reader on files, then on so many mutations of its seeds, in a process of its own."""
    with TemporaryDirectory() as folder:
        place = Path(folder) / "place"
        command = [sys.executable, "-m", "tests.fuzz.replay", name, "0", str(mutations), str(place), *map(str, files)]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, errors="replace", check=False)
        one = place.read_text().strip() if place.exists() else "a seed"
    if done.returncode:
        said = done.stderr.strip()[-3000:]
        return Replay(problem=f"{name}, input {one} ended the process with {done.returncode}:\n{said}")
    found = json.loads(done.stdout)
    problem = "".join(
        f"{name}, input {one} costs {seconds:.1f} s and {memory / 1e6:.0f} MB for each started MB\n"
        for one, (seconds, memory) in found["too_costly"].items()
    )
    return Replay(Counter(found["outcomes"]), problem, tuple(found["worst"]))
