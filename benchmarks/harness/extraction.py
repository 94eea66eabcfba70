"""Compares archive readers with a peer: same file, same pairs, alternating rounds."""

import hashlib
import json
import os
import statistics
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks.peers.environment import PEERS, environment
from components.cli import parameters
from components.crawl.pair import Pair
from components.crawl.sources import PairSource
from components.storage.json_files import write_json

WORK = Path(".work/benchmarks/archives")
# The last rates of each unit, for `benchmarks.crawl.costs`.
RATES = Path(".work/benchmarks/rates")

# The fields of a pair that the peer extracts, too.
Columns = Callable[[Pair], tuple[str, ...]]


@dataclass(frozen=True)
class Rates:
    """Items per second of each round."""

    ours: list[float]
    peers: list[float]

    @property
    def ratio(self) -> float:
        """Median ratio over the rounds."""
        return statistics.median(our / peer for our, peer in zip(self.ours, self.peers, strict=True))


def read_ours(source: PairSource, path: Path, columns: Columns) -> dict[str, Any]:
    """What the peer's script prints, for our source: seconds, pairs and their digest."""
    knobs = parameters.load().crawl
    start = time.perf_counter()
    with path.open("rb") as stream:
        found = list(source.read(stream, path.name, knobs, Counter()))
    seconds = time.perf_counter() - start
    pairs = [columns(pair) for pair in found if isinstance(pair, Pair)]
    digest = hashlib.sha256(json.dumps(pairs).encode()).hexdigest()
    return {"seconds": seconds, "pairs": len(found), "digest": digest}


def read_peer(peer: Sequence[str], path: Path) -> dict[str, Any]:
    """Runs the peer's script with its arguments."""
    script, *arguments = peer
    python = environment("soup") / "python"
    done = subprocess.run([python, PEERS / script, path, *arguments], check=True, capture_output=True, text=True)
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def measure(source: PairSource, peer: Sequence[str], path: Path, items: int, columns: Columns, rounds: int) -> Rates:
    """Rates of our source and of the peer, one process each, in turns.

    Raises:
        RuntimeError: if they find different pairs, or in a different order.
    """
    read_ours(source, path, columns)  # warm-up
    rates = Rates([], [])
    for _ in range(rounds):
        theirs, ours = read_peer(peer, path), read_ours(source, path, columns)
        if ours["digest"] != theirs["digest"]:
            raise RuntimeError(
                f"{peer} finds {theirs['pairs']} pairs and our reader {ours['pairs']}, or different ones"
            )
        rates.ours.append(items / ours["seconds"])
        rates.peers.append(items / theirs["seconds"])
    return rates


def show(title: str, unit: str, rows: dict[str, list[float]]) -> None:
    """Prints a table of rates: median, lowest, highest; saves the medians in `RATES`."""
    table = Table("", f"{unit}/s", "lowest", "highest", title=title, box=None)
    for name, rates in rows.items():
        table.add_row(name, *(f"{value:,.0f}" for value in (statistics.median(rates), min(rates), max(rates))))
    Console().print(table)
    medians = {name: statistics.median(rates) for name, rates in rows.items()}
    write_json(RATES / f"{unit}.json", {"cpus": os.cpu_count(), "medians": medians, "of": title})
