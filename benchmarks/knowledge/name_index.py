"""The name index at a million to twenty million items: look-ups a second, opening, what a worker adds, and memory of the build.

Items are synthetic: labels and aliases of one to four words, as frequent as words of a language are (Zipf), so that many names have
several meanings and many begin alike. Embeddings are left empty (a file of zeros that takes no disk): names do not need them.
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
from benchmarks.harness.memory import Watch
from components.cli import parameters
from components.execution import cluster
from components.execution.shard_map import map_shards
from components.knowledge import KnowledgeBase
from components.knowledge import format as files
from components.knowledge.base import open_entities
from components.knowledge.build.build import Sizes, write_entities, write_index
from components.knowledge.build.merge import MergeJob, cut, merge

WORK = Path(".work/benchmarks/names")
_PART = 200_000  # items
_VOCABULARY = 400_000
_ASKED = 200_000  # names that are looked up, of which a tenth is unknown
_ROUNDS = 5


def main() -> None:
    """Builds bases of growing size, asks them, prints."""
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--items", type=int, nargs="+", default=[1_000_000, 5_000_000, 20_000_000])
    reader.add_argument("--ask", type=Path, help="(for this program's own processes) the base to ask")
    options = reader.parse_args()
    logging.basicConfig(level=logging.WARNING)
    if options.ask:
        _ask(options.ask)
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
    with Watch(mapped=False) as watch:
        names = _build(items, base, work)
    seconds = time.perf_counter() - start
    with _asking(base) as first:
        assert first.stdin is not None
        assert first.stdout is not None
        first.stdout.readline()  # it has the pages in memory, and stays
        answers = [_answer(_asking(base)) for _ in range(_ROUNDS)]
        first.stdin.close()
    found = {key: statistics.median(a[key] for a in answers) for key in answers[0]}
    worker, driver = watch.worker / 1e6, watch.driver / 1e6
    figures = [f"{seconds:.0f}", f"{worker:.0f}", f"{driver:.0f}", f"{found['open']:.2f}", f"{found['rate']:,.0f}"]
    table.add_row(f"{items:,}", f"{names:,}", *figures, f"{found['added']:.0f}")
    shutil.rmtree(WORK)
    return {**found, "memory": worker}


def _build(items: int, base: Path, work: Path) -> int:
    """A base of synthetic items; how many names it has."""
    shutil.rmtree(WORK, ignore_errors=True)
    knobs = parameters.load().knowledge
    parts, _ = map_shards(_part, [_PART] * (items // _PART), stage="items", work=(work / "parts").absolute())
    job = MergeJob(parts, (), Sizes().partitions(items), knobs)
    ranges, counts = map_shards(
        partial(merge, job), cut(parts, Sizes().range), stage="merge", work=(work / "merge").absolute()
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

    luck = np.random.default_rng([7, number])
    numbers = np.sort(luck.choice(size * 2, size, replace=False)) + number * size * 2 + 1
    label, *more = (_phrases(luck, size) for _ in range(4))
    count = luck.integers(0, 4, size)  # aliases
    offsets = np.concatenate([[0], np.cumsum(count)]).astype(np.int32)
    which = np.concatenate([np.arange(c) for c in count]) if count.any() else np.zeros(0, int)
    owner = np.repeat(np.arange(size), count)
    flat = pa.concat_arrays(more).take(pa.array(which * size + owner))
    none = pa.ListArray.from_arrays(np.zeros(size + 1, np.int32), pa.array([], pa.string()))
    empty = pa.array([""]).take(pa.array(np.zeros(size, int)))
    ids = pc.binary_join_element_wise(pa.scalar("Q"), pa.array(numbers).cast(pa.string()), "")
    sitelinks = pa.array(luck.geometric(0.2, size) - 1, pa.int32())
    aliases = pa.ListArray.from_arrays(offsets, flat)
    columns = [pa.array(numbers), ids, label, empty, aliases, none, none, sitelinks, empty, empty]
    files.write_arrow(pa.Table.from_arrays(columns, schema=files.PART_SCHEMA), out / f"{number:05d}.arrow")
    return Outcome({"items": size})


def _phrases(luck: np.random.Generator, size: int) -> pa.Array:
    """One to four words each."""
    vocabulary = pa.array([_word(n) for n in range(_VOCABULARY)])
    lengths = luck.choice([1, 2, 3, 4], size, p=[0.2, 0.45, 0.25, 0.1])
    words = []
    for place in range(4):
        drawn = vocabulary.take(pa.array(_zipf(luck, size)))
        words.append(pc.if_else(pa.array(lengths > place), drawn, pa.scalar(None, pa.string())))
    return pc.binary_join_element_wise(*words, " ", null_handling="skip")


def _zipf(luck: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
    """Ranks of words whose frequency falls as 1 / rank."""
    return np.asarray(np.exp(luck.random(size) * np.log(_VOCABULARY)) - 1, dtype=np.int64)


def _word(rank: int) -> str:
    """A word of its own for each rank; frequent ones are short."""
    syllables = [c + v for c in "bdfgklmnprstvz" for v in "aeiou"]
    word = ""
    rank += 1
    while rank:
        rank, syllable = divmod(rank, len(syllables))
        word += syllables[syllable]
    return word.capitalize()


def _asking(base: Path) -> "subprocess.Popen[str]":
    return subprocess.Popen(
        [sys.executable, "-m", "benchmarks.knowledge.name_index", "--ask", str(base)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )


def _answer(process: "subprocess.Popen[str]") -> dict[str, float]:
    said, _ = process.communicate()
    answer: dict[str, float] = json.loads(said)
    return answer


def _ask(folder: Path) -> None:
    """In a process of its own: opens the base, asks for names drawn from all of it, says how that went, and waits."""
    names = _names(folder)
    process = psutil.Process()
    before = process.memory_full_info().uss
    start = time.perf_counter()
    base = KnowledgeBase.open(folder)
    opened = time.perf_counter() - start
    rate = 0.0
    for asked in (names[: _ASKED // 2], names[_ASKED // 2 :]):  # the first half brings pages in
        start = time.perf_counter()
        known = sum(bool(base.candidates(name, 20)) for name in asked)
        rate = len(asked) / (time.perf_counter() - start)
        if not 0.8 * len(asked) < known < len(asked):
            raise RuntimeError(f"{known} of {len(asked)} names are known; nine in ten should be")
    added = process.memory_full_info().uss - before
    print(json.dumps({"open": opened, "rate": rate, "added": added / 1e6}), flush=True)
    sys.stdin.read()


def _names(folder: Path) -> list[str]:
    """Labels of entities drawn at random, and, one in ten, names that nobody bears."""
    luck = np.random.default_rng(1)
    labels = open_entities(folder).column("label")
    known = labels.take(pa.array(luck.integers(0, len(labels), _ASKED * 9 // 10))).to_pylist()
    names = [*known, *(f"{name} qx" for name in known[: _ASKED // 10])]
    luck.shuffle(names)
    return names


if __name__ == "__main__":
    main()
