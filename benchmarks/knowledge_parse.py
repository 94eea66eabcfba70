"""Wikidata dump to rows, beside a loop over bz2 and json: items and megabytes of JSON a second, and their share of unpacking alone.

The dump that is named is repeated to the number of items asked for, and packed as .bz2 and as .zst.
"""

import argparse
import bz2
import hashlib
import json
import logging
import statistics
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable
from pathlib import Path

import zstandard
from rich.console import Console
from rich.table import Table

from benchmarks.claim import Claim, conclude
from components import parameters
from components.knowledge.dump import open_dump, read_items

WORK = Path(".work/benchmarks/knowledge")
_PEER = Path(__file__).parent / "peers" / "dump_json.py"
_BARS = {".bz2": 1.6, ".zst": 6.0}
_BLOCK = 1 << 20
_PACK: dict[str, Callable[[bytes], bytes]] = {".bz2": bz2.compress, ".zst": zstandard.compress}


def main() -> None:
    """Packs the dumps, reads them in turns, prints."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("dump", type=Path, nargs="?", default=Path("data/sample/knowledge.json.bz2"))
    reader.add_argument("--items", type=int, default=1_000_000, help="lines of the dump, about")
    reader.add_argument("--rounds", type=int, default=3, help="times that each reads it")
    options = reader.parse_args()
    logging.basicConfig(level=logging.WARNING)
    size, lines, dumps = _write(options.dump, options.items)
    peers: list[float] = []
    ours: dict[str, list[float]] = {ending: [] for ending in dumps}
    for _ in range(options.rounds):
        seconds, digest = _peer(dumps[".bz2"])
        peers.append(seconds)
        for ending, dump in dumps.items():
            seconds, found = _ours(dump)
            if found != digest:
                raise RuntimeError(f"{dump}: we find other rows than bz2 and json")
            ours[ending].append(seconds)
    table = Table(
        "", "items/s", "MB/s", "share of unpacking alone", box=None, title=f"{lines} items, {size / 1e6:.0f} MB"
    )
    for name, times in {"bz2 and json": peers, **{f"ours, {ending}": ours[ending] for ending in ours}}.items():
        median = statistics.median(times)
        limit = "" if name not in {f"ours, {e}" for e in dumps} else f"{_unpacking(dumps[name[-4:]]) / median:.2f}"
        table.add_row(name, f"{lines / median:,.0f}", f"{size / median / 1e6:.0f}", limit)
    Console().print(table)
    ratio = {e: statistics.median(p / o for p, o in zip(peers, ours[e], strict=True)) for e in ours}
    conclude([Claim(f"items of a dump a second, {e}", ratio[e], _BARS[e], "bz2 and json, one process") for e in dumps])


def _write(source: Path, items: int) -> tuple[int, int, dict[str, Path]]:
    """Bytes and lines of the repeated dump, and its files by ending."""
    with open_dump(source) as stream:
        whole = [line.strip().rstrip(b",") for line in stream]
    lines = [line for line in whole if line not in (b"[", b"]", b"")]
    part = b"".join(line + b",\n" for line in lines)
    times = -(-items // len(lines))
    WORK.mkdir(parents=True, exist_ok=True)
    dumps = {ending: WORK / f"dump.json{ending}" for ending in _PACK}
    for ending, path in dumps.items():
        packed = _PACK[ending](part)  # a stream, or frame, for each repetition, as parallel compressors write them
        with path.open("wb") as file:
            file.writelines([packed] * times)
    return len(part) * times, len(lines) * times, dumps


def _peer(dump: Path) -> tuple[float, str]:
    done = subprocess.run([sys.executable, _PEER, dump], check=True, capture_output=True, text=True)
    said = json.loads(done.stdout)
    return said["seconds"], said["digest"]


def _ours(dump: Path) -> tuple[float, str]:
    knobs = parameters.load().knowledge
    start = time.perf_counter()
    rows = list(read_items(dump, knobs, Counter()))
    seconds = time.perf_counter() - start
    return seconds, hashlib.sha256(json.dumps(rows).encode()).hexdigest()


def _unpacking(dump: Path) -> float:
    """Seconds to unpack a dump and do nothing with it."""
    start = time.perf_counter()
    with open_dump(dump) as stream:
        while stream.read(_BLOCK):
            pass
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
