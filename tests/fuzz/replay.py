"""Runs a reader on files and on random mutations, in a separate process that it may crash.

`python -m tests.fuzz.replay READER FIRST END PLACE FILE…`: the files, then the mutations FIRST to
END (not included). The name or number of the input in hand is written to PLACE; outcomes and costs
go to standard output, as JSON. An input that takes too long ends the process with a traceback.
"""

import faulthandler
import json
import random
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from tests.fuzz.change import changed
from tests.fuzz.cost import Cost, limit_of, measured
from tests.fuzz.reader import Reader
from tests.fuzz.readers import reader as reader_named

LIMIT = 60  # seconds that one input may take; the slowest takes one
_TRIES = 3  # of an input that costs too much: others use the machine, too


def main(name: str, first: int, end: int, place: Path, files: list[Path]) -> None:
    """Runs and prints."""
    reader = reader_named(name)
    for seed in reader.seeds():  # so that no input pays for imports
        reader.read(seed)
    outcomes: Counter[str] = Counter()
    costs: dict[str, tuple[float, float]] = {}
    worst, limit = Cost(), limit_of(reader)
    with place.open("w") as told:
        for one, data in _inputs(name, reader, first, end, files):
            told.seek(0)
            told.write(f"{one}\n")
            told.truncate()
            told.flush()
            faulthandler.dump_traceback_later(LIMIT, exit=True)
            found, cost = measured(reader, data)
            for _ in range(_TRIES - 1):
                if not cost.is_within(limit):
                    cost = cost.least(measured(reader, data)[1])
            outcomes.update(found)
            worst = worst.worst(cost)
            if not cost.is_within(limit):
                costs[one] = (cost.seconds, cost.memory)
    faulthandler.cancel_dump_traceback_later()
    json.dump({"outcomes": dict(outcomes), "too_costly": costs, "worst": (worst.seconds, worst.memory)}, sys.stdout)


def _inputs(name: str, reader: Reader, first: int, end: int, files: list[Path]) -> Iterator[tuple[str, bytes]]:
    for file in files:
        yield file.name, file.read_bytes()
    seeds = reader.seeds()
    for number in range(first, end):
        yield str(number), changed(random.Random(f"{name} {number}"), seeds, reader.changes)


if __name__ == "__main__":
    main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3]), Path(sys.argv[4]), list(map(Path, sys.argv[5:])))
