"""Wikidata dump to table, compared with bz2 and json, and with decompression alone.

The given dump is repeated up to the number of items and compressed as .bz2 and .zst. Ray is started
before the measurement.
"""

import argparse
import bz2
import hashlib
import json
import logging
import os
import shutil
import statistics
import subprocess
import sys
import time
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

import pyarrow as pa
import zstandard
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.peers.environment import PEERS
from components.cli import parameters
from components.execution import cluster
from components.execution.shard_map import map_shards
from components.knowledge.base.format import ENTITY_SCHEMA
from components.knowledge.build.build import Sizes
from components.knowledge.build.dump import blocks, open_dump
from components.knowledge.build.parse import parse

WORK = Path(".work/benchmarks/knowledge")
_PEER = PEERS / "dump_json.py"
_BARS = {".bz2": 1.6, ".zst": 6.0}
_PACK: dict[str, Callable[[bytes], bytes]] = {".bz2": bz2.compress, ".zst": zstandard.compress}


def main() -> None:
    """Writes the dumps, reads them in alternating rounds, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("dump", nargs="?", default="data/sample/knowledge.json.bz2")
    parser.add_argument("--items", type=int, default=1_000_000, help="approximate number of items")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each reader")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    size, lines, dumps = _write(options.dump, options.items)
    cluster.connect()
    _ours(options.dump)  # warm-up
    peers: list[float] = []
    ours: dict[str, list[float]] = {ending: [] for ending in dumps}
    for _ in range(options.rounds):
        peers.append(_peer(dumps[".bz2"]))
        expected = _digest([WORK / "peer.arrow"])
        for ending, dump in dumps.items():
            ours[ending].append(_ours(str(dump)))
            if _digest(sorted((WORK / "parse" / "finished").iterdir())) != expected:
                raise RuntimeError(f"{dump}: our rows differ from those of bz2 and json")
    table = Table(
        "", "items/s", "MB/s", "share of unpacking alone", box=None, title=f"{lines} items, {size / 1e6:.0f} MB"
    )
    for name, times in {"bz2 and json": peers, **{f"ours, {ending}": ours[ending] for ending in ours}}.items():
        median = statistics.median(times)
        limit = "" if name not in {f"ours, {e}" for e in dumps} else f"{_unpacking(dumps[name[-4:]]) / median:.2f}"
        table.add_row(name, f"{lines / median:,.0f}", f"{size / median / 1e6:.0f}", limit)
    Console().print(table)
    ratio = {e: statistics.median(p / o for p, o in zip(peers, ours[e], strict=True)) for e in ours}
    cpus = f"bz2 and json, one process (we have {os.cpu_count()} CPUs)"
    conclude([Claim(f"items of a dump a second, {e}", ratio[e], _BARS[e], cpus) for e in dumps])


def _write(source: str, items: int) -> tuple[int, int, dict[str, Path]]:
    """Bytes and lines of the repeated dump, and its files by extension."""
    with open_dump(source) as stream:
        whole = [line.strip().rstrip(b",") for line in stream.read().split(b"\n")]
    lines = [line for line in whole if line not in (b"[", b"]", b"")]
    part = b"".join(line + b",\n" for line in lines)
    times = -(-items // len(lines))
    WORK.mkdir(parents=True, exist_ok=True)
    dumps = {ending: WORK / f"dump.json{ending}" for ending in _PACK}
    for ending, path in dumps.items():
        packed = _PACK[ending](part)  # one stream or frame per repetition, as parallel compressors write
        with path.open("wb") as file:
            file.writelines([packed] * times)
    return len(part) * times, len(lines) * times, dumps


def _peer(dump: Path) -> float:
    done = subprocess.run(
        [sys.executable, _PEER, dump, WORK / "peer.arrow"], check=True, capture_output=True, text=True
    )
    seconds: float = json.loads(done.stdout)["seconds"]
    return seconds


def _ours(dump: str) -> float:
    """Seconds to parse a dump into the sorted parts for the later steps."""
    work = WORK / "parse"
    shutil.rmtree(work, ignore_errors=True)
    work.mkdir()
    knobs = parameters.load().knowledge
    start = time.perf_counter()
    map_shards(partial(parse, knobs), blocks(dump, Sizes().block), stage="parse", work=work.absolute())
    return time.perf_counter() - start


def _digest(tables: Iterable[Path]) -> int:
    """A digest of the rows that ignores their order."""
    total = 0
    for path in tables:
        with pa.memory_map(str(path)) as file:
            for batch in pa.ipc.open_file(file).read_all().select(ENTITY_SCHEMA.names).to_batches():
                total += sum(_number(row) for row in batch.to_pylist())
    return total % (1 << 128)


def _number(row: dict[str, Any]) -> int:
    return int.from_bytes(hashlib.blake2b(json.dumps(row).encode(), digest_size=16).digest(), "big")


def _unpacking(dump: Path) -> float:
    """Seconds to decompress a dump."""
    start = time.perf_counter()
    with open_dump(str(dump)) as stream:
        while stream.read(Sizes().block):
            pass
    return time.perf_counter() - start


if __name__ == "__main__":
    main()
