"""One fuzzing process: libFuzzer with the coverage of Python code, and mutations that fit a format.

`python -m tests.fuzz.session READER FOLDER SECONDS`. Inputs that crash or cost too much are written
to FOLDER/found, what was done so far to FOLDER/session.json. The process goes on after a crash in
Python; one in native code, an endless loop or a lack of memory ends it, and libFuzzer writes the
input to FOLDER/ended.
"""

import hashlib
import json
import random
import sys
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

import atheris

_INSTRUMENTED = ["components", "tarfile", "yaml", "csv", "protego"]

with atheris.instrument_imports(include=_INSTRUMENTED):
    from tests.fuzz.cost import Cost, limit_of, measured
    from tests.fuzz.readers import reader as reader_named

if TYPE_CHECKING:
    from tests.fuzz.reader import Reader

LONGEST = 1 << 16  # bytes of an input; longer ones are left to random mutations, as each takes so long
ALONE = 60  # seconds that one input may take
MEMORY = 6_000  # MB of the process
_OWN_MUTATIONS = 0.5  # their share; the others are libFuzzer's
_NOTED = 1.0  # seconds between two notes of what was done
_HERE = Path(__file__).resolve().parents[2]


class Session:
    """Counts executions, and keeps one input of each crash, and those that cost ever more."""

    def __init__(self, reader: "Reader", folder: Path) -> None:
        self._reader, self._folder = reader, folder
        self._seeds = list(reader.seeds())
        self._executions, self._worst = 0, Cost()
        self._limit = limit_of(reader)
        self._crashes: dict[str, str] = {}
        self._written = 0.0
        for seed in self._seeds:  # so that no input pays for imports
            reader.read(seed)

    def run(self, data: bytes) -> None:
        """Reads an input."""
        self._executions += 1
        try:
            _, cost = measured(self._reader, data)
        except Exception as error:  # noqa: BLE001 - this is what is looked for
            self._crash(error, data)
        else:
            self._worst = self._worst.worst(cost)
            if not cost.is_within(self._limit):
                kind = "slow" if cost.seconds > self._limit.seconds else "large"
                self._limit = self._limit.worst(Cost(1.3 * cost.seconds, 1.3 * cost.memory))
                self._keep(kind, data)
        if time.monotonic() - self._written > _NOTED:
            self.note()

    def mutate(self, data: bytes, size: int, seed: int) -> bytes:
        """An input from another: libFuzzer's mutation, or one that fits the format."""
        chance = random.Random(seed)
        if chance.random() < _OWN_MUTATIONS:
            change = chance.choice(self._reader.changes)
            return bytes(change(chance, data, chance.choice(self._seeds))[:size])
        return bytes(atheris.Mutate(data, size))

    def note(self) -> None:
        """Writes what was done so far."""
        self._written = time.monotonic()
        content = {
            "executions": self._executions,
            "worst": [self._worst.seconds, self._worst.memory],
            "crashes": self._crashes,
        }
        partial = self._folder / "session.part"
        partial.write_text(json.dumps(content, indent=1))
        partial.replace(self._folder / "session.json")

    def _crash(self, error: Exception, data: bytes) -> None:
        frames = [frame for frame in traceback.extract_tb(error.__traceback__) if str(_HERE) in frame.filename]
        where = f"{Path(frames[-1].filename).name}:{frames[-1].lineno}" if frames else "?"
        key = f"{type(error).__name__} at {where}"
        if key not in self._crashes:
            self._crashes[key] = self._keep("crash", data)
            (self._folder / "found" / f"{self._crashes[key]}.txt").write_text(
                "".join(traceback.format_exception(error)), encoding="utf-8", errors="backslashreplace"
            )
            self.note()

    def _keep(self, kind: str, data: bytes) -> str:
        name = f"{kind}-{hashlib.sha256(data).hexdigest()[:12]}"
        (self._folder / "found").mkdir(exist_ok=True)
        (self._folder / "found" / name).write_bytes(data)
        return name


def main(name: str, folder: Path, seconds: int) -> None:
    """Fuzzes; libFuzzer ends the process."""
    with atheris.instrument_imports(include=_INSTRUMENTED):
        reader = reader_named(name)
    session = Session(reader, folder)
    options = {
        "max_total_time": seconds,
        "max_len": LONGEST,
        "timeout": ALONE,
        "rss_limit_mb": MEMORY,
        "report_slow_units": 10 * ALONE,
        "artifact_prefix": f"{folder}/ended/",
        "detect_leaks": 0,
        "seed": 1,
    }
    arguments = [sys.argv[0], *(f"-{key}={value}" for key, value in options.items()), str(folder / "corpus")]
    mutator: Callable[[bytes, int, int], Any] = session.mutate
    atheris.Setup(arguments, session.run, custom_mutator=mutator)
    atheris.Fuzz()


if __name__ == "__main__":
    main(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
