"""The name index with 1 to 20 million items: look-ups per second, opening time, and memory.

Items are synthetic: labels and aliases of one to four words with Zipf frequencies, so that many
names are ambiguous and share prefixes. Embeddings are a sparse file of zeros, as names do not need
them.
"""

import argparse
import json
import logging
import shutil
import statistics
import subprocess
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt
import psutil
import pyarrow as pa
import pyarrow.compute as pc
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.memory import MemoryMonitor
from components.cli import parameters
from components.execution import cluster
from components.execution.shard_map import map_shards
from components.knowledge.base import format as files
from components.knowledge.base.knowledge_base import KnowledgeBase, open_entities
from components.knowledge.build.build import Sizes, write_entities, write_index
from components.knowledge.build.merge import MergeJob, merge, split_ranges

WORK = Path(".work/benchmarks/names")
_PART = 200_000  # items
_VOCABULARY = 400_000
_LOOKUPS = 200_000  # names to look up, a tenth of them unknown
_ROUNDS = 5


def main() -> None:
    """Builds knowledge bases of growing size, looks names up, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--items", type=int, nargs="+", default=[1_000_000, 5_000_000, 20_000_000])
    parser.add_argument("--ask", type=Path, help="(internal) the base to look names up in")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if options.ask:
        _measure_base(options.ask)
        return
    cluster.connect()
    table = Table(
        "items", "names", "build, s", "worker, MB", "driver, MB", "open, s", "look-ups/s", "second worker, MB", box=None
    )
    found = [_measure(items, table) for items in sorted(options.items)]
    Console().print(table)
    rates, memory = [f["rate"] for f in found], [f["memory"] for f in found]
    conclude(
        [
            Claim(
                "slowdown of look-ups with the size of the base",
                max(rates) / min(rates),
                1.5,
                "the fastest",
                at_most=True,
            ),
            Claim(
                "memory of the build, largest to smallest base",
                memory[-1] / memory[0],
                1.5,
                "the smallest",
                at_most=True,
            ),
            Claim("seconds to open the largest", max(f["open"] for f in found), 1.0, "the limit", at_most=True),
            Claim("megabytes that a second worker adds", max(f["added"] for f in found), 50, "the limit", at_most=True),
        ]
    )


def _measure(items: int, table: Table) -> dict[str, float]:
    base, work = WORK / "base", WORK / "work"
    start = time.perf_counter()
    with MemoryMonitor(count_mapped=False) as monitor:
        names = _build(items, base, work)
    seconds = time.perf_counter() - start
    with _start_worker(base) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdout.readline()  # it has the pages in memory and keeps running
        results = [_result(_start_worker(base)) for _ in range(_ROUNDS)]
        first.stdin.close()
    found = {key: statistics.median(a[key] for a in results) for key in results[0]}
    worker, driver = monitor.worker / 1e6, monitor.driver / 1e6
    figures = [f"{seconds:.0f}", f"{worker:.0f}", f"{driver:.0f}", f"{found['open']:.2f}", f"{found['rate']:,.0f}"]
    table.add_row(f"{items:,}", f"{names:,}", *figures, f"{found['added']:.0f}")
    shutil.rmtree(WORK)
    return {**found, "memory": worker}


def _build(items: int, base: Path, work: Path) -> int:
    """Builds a base of synthetic items; returns its number of names."""
    shutil.rmtree(WORK, ignore_errors=True)
    knobs = parameters.load().knowledge
    parts, _ = map_shards(_part, [_PART] * (items // _PART), stage="items", work=(work / "parts").absolute())
    job = MergeJob(parts, (), Sizes().partitions(items), knobs)
    ranges, counts = map_shards(
        partial(merge, job), split_ranges(parts, Sizes().range), stage="merge", work=(work / "merge").absolute()
    )
    spans = len(list(ranges.glob("*_names.arrow")))
    bounds = write_entities(ranges, spans, counts["items"], base)
    named = write_index(ranges, bounds, job, work.absolute(), base, None)
    shape = (items, knobs.embedding_size)
    np.lib.format.open_memmap(base / files.EMBEDDINGS, mode="w+", dtype=np.float16, shape=shape).flush()
    shutil.rmtree(work)
    return named["names"]


def _part(size: int, number: int, out: Path) -> Any:
    from components.execution.shard_map import Outcome

    rng = np.random.default_rng([7, number])
    numbers = np.sort(rng.choice(size * 2, size, replace=False)) + number * size * 2 + 1
    label, *more = (_phrases(rng, size) for _ in range(4))
    count = rng.integers(0, 4, size)  # aliases
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    which = np.concatenate([np.arange(c) for c in count]) if count.any() else np.zeros(0, int)
    owner = np.repeat(np.arange(size), count)
    flat = pa.concat_arrays(more).take(pa.array(which * size + owner))
    none = pa.ListArray.from_arrays(np.zeros(size + 1, np.int32), pa.array([], pa.string()))
    empty = pa.array([""]).take(pa.array(np.zeros(size, int)))
    ids = pc.binary_join_element_wise(pa.scalar("Q"), pa.array(numbers).cast(pa.string()), "")
    sitelinks = pa.array(rng.geometric(0.2, size) - 1, pa.int32())
    aliases = pa.ListArray.from_arrays(offsets, flat)
    columns = [pa.array(numbers), ids, label, empty, aliases, none, none, sitelinks, empty, empty]
    files.write_arrow(pa.Table.from_arrays(columns, schema=files.PART_SCHEMA), out / f"{number:05d}.arrow")
    return Outcome({"items": size})


def _phrases(rng: np.random.Generator, size: int) -> pa.Array:
    """Phrases of one to four words."""
    vocabulary = pa.array([_word(n) for n in range(_VOCABULARY)])
    lengths = rng.choice([1, 2, 3, 4], size, p=[0.2, 0.45, 0.25, 0.1])
    words = []
    for position in range(4):
        drawn = vocabulary.take(pa.array(_zipf(rng, size)))
        words.append(pc.if_else(pa.array(lengths > position), drawn, pa.scalar(None, pa.string())))
    return pc.binary_join_element_wise(*words, " ", null_handling="skip")


def _zipf(rng: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
    """Word ranks with frequencies proportional to 1 / rank."""
    return np.asarray(np.exp(rng.random(size) * np.log(_VOCABULARY)) - 1, dtype=np.int64)


def _word(rank: int) -> str:
    """A unique word per rank; frequent ones are short."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    word = ""
    rank += 1
    while rank:
        rank, syllable = divmod(rank, len(syllables))
        word += syllables[syllable]
    return word.capitalize()


def _start_worker(base: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.knowledge.name_index", "--ask", str(base)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _result(process: "subprocess.Popen[str]") -> dict[str, float]:
    output, _ = process.communicate()
    result: dict[str, float] = json.loads(output)
    return result


def _measure_base(folder: Path) -> None:
    """Opens the base in a separate process, looks up random names, prints, and waits."""
    names = _names(folder)
    process = psutil.Process()
    before = process.memory_full_info().uss
    start = time.perf_counter()
    base = KnowledgeBase.open(folder)
    opened = time.perf_counter() - start
    rate = 0.0
    for looked_up in (names[: _LOOKUPS // 2], names[_LOOKUPS // 2 :]):  # the first is a warm-up
        start = time.perf_counter()
        known = sum(bool(base.candidates(name, 20)) for name in looked_up)
        rate = len(looked_up) / (time.perf_counter() - start)
        if not 0.8 * len(looked_up) < known < len(looked_up):
            raise RuntimeError(f"{known} of {len(looked_up)} names are known; nine in ten should be")
    added = process.memory_full_info().uss - before
    print(json.dumps({"open": opened, "rate": rate, "added": added / 1e6}), flush=True)
    sys.stdin.read()


def _names(folder: Path) -> list[str]:
    """Labels of random entities, and one in ten an unknown name."""
    rng = np.random.default_rng(1)
    labels = open_entities(folder).column("label")
    known = labels.take(pa.array(rng.integers(0, len(labels), _LOOKUPS * 9 // 10))).to_pylist()
    names = [*known, *(f"{name} qx" for name in known[: _LOOKUPS // 10])]
    rng.shuffle(names)
    return names


if __name__ == "__main__":
    main()
