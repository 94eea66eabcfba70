"""Batch loading speed: from the cache of decoded pictures, and streamed by a thread or processes.

The peer is webdataset in torch's DataLoader, set up as in open_clip's trainer, with as many
processes, the same shards and picture size. All alternate in the same run. The cost of the shard
catalogue is measured, too.
"""

import argparse
import os
import shutil
import subprocess
import sys
import tracemalloc
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from statistics import median
from time import perf_counter

import numpy as np
import torch
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.photographs import photographs
from benchmarks.peers.environment import environment
from components.pretrain.data.batch import Batch, BatchPartition
from components.pretrain.data.loader import Loader
from components.pretrain.data.picture_cache import DecodedPictures, decode_shard
from components.pretrain.data.samples import Samples
from components.pretrain.data.stream import catalogue
from components.pretrain.data.stream.loader import LoaderConfig, StreamLoader
from components.pretrain.data.stream.order import WindowOrder
from components.pretrain.data.stream.source import StreamConfig
from components.pretrain.parameters import TextParameters
from components.shards.folder import ShardFolder

WORK = Path(".work/benchmarks/loader")
TEXT = TextParameters(name=0.4, name_and_description=0.4, alt_text=0.2)
_ENDLESS = 1 << 40  # steps
_MANY = 1_000_000  # shards
# One turn: pictures/s
Turn = Callable[[], float]


@dataclass(frozen=True)
class Setup:
    """Shards to decode to squares of `size` px, with `batches` batches per turn."""

    name: str
    folder: Path
    size: int
    batch: int
    batches: int


def main() -> None:
    """Measures both setups, then the catalogue."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--crawl", type=Path, default=Path("data/crawl"))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--processes", type=int, default=os.cpu_count() or 1)
    options = parser.parse_args()
    torch.set_num_threads(1)
    shutil.rmtree(WORK, ignore_errors=True)
    setups = [
        Setup("drawings to 64 px", options.crawl.absolute(), 64, 64, 60),
        Setup("JPEGs of 1024 x 768 to 224 px", photographs(options.crawl, WORK / "photographs", 128, 4), 224, 32, 12),
    ]
    claims = [claim for setup in setups for claim in _measure(setup, options.processes, options.rounds)]
    conclude([*claims, *_catalogue(setups[0].folder)])


def _measure(setup: Setup, processes: int, rounds: int) -> list[Claim]:
    work = WORK / str(setup.size)
    with ExitStack() as stack:
        turns = {
            "cache": stack.enter_context(_turns(setup, _cached(setup, work).batches(0, _ENDLESS))),
            "stream, a thread": stack.enter_context(_turns(setup, _streamed(setup, work, 0).batches(0, _ENDLESS))),
            "stream": stack.enter_context(_turns(setup, _streamed(setup, work, processes).batches(0, _ENDLESS))),
            "webdataset": stack.enter_context(_peer(setup, processes)),
        }
        seen: dict[str, list[float]] = {name: [] for name in turns}
        for _ in range(rounds):
            for name, turn in turns.items():
                seen[name].append(turn())
    table = Table("source", "pictures/s", "least", "most", title=f"{setup.name}, {processes} processes", box=None)
    for name, rates in seen.items():
        table.add_row(name, *(f"{value:.0f}" for value in (median(rates), min(rates), max(rates))))
    Console().print(table)
    ratio = median(own / peer for own, peer in zip(seen["stream"], seen["webdataset"], strict=True))
    against = f"{median(seen['stream']):.0f} against {median(seen['webdataset']):.0f} pictures/s"
    return [Claim(f"stream / webdataset: {setup.name}, {processes} processes", ratio, 1.0, against)]


@contextmanager
def _turns(setup: Setup, batches: Iterator[Batch]) -> Iterator[Turn]:
    """A turn of a loader; prefetched batches are discarded before each one."""

    def turn() -> float:
        for _ in range(4):
            next(batches)
        start = perf_counter()
        for _ in range(setup.batches):
            next(batches)
        return setup.batches * setup.batch / (perf_counter() - start)

    turn()
    try:
        yield turn
    finally:
        batches.close()  # type: ignore[attr-defined]


def _cached(setup: Setup, work: Path) -> Loader:
    folder = work / "decoded"
    folder.mkdir(parents=True)
    for number, tar in enumerate(ShardFolder.at(setup.folder).local_tars()):
        decode_shard(setup.size, tar, number, folder)
    pictures = DecodedPictures(folder)
    samples = Samples(pictures, np.arange(len(pictures)), None, None, Counter())
    return Loader(samples, BatchPartition(setup.batch), 1, 4, TEXT, None)


def _streamed(setup: Setup, work: Path, processes: int) -> StreamLoader:
    folder, _ = _look_through(setup.folder, work / f"catalogue-{processes}")
    config = StreamConfig(folder, work / f"scratch-{processes}", setup.size, 16, 1)
    return StreamLoader(LoaderConfig(config, BatchPartition(setup.batch), TEXT, None), 4, processes, 0.1)


@contextmanager
def _peer(setup: Setup, processes: int) -> Iterator[Turn]:
    packages = next((environment("webdataset").parent / "lib").glob("python*/site-packages"))
    numbers = (setup.size, setup.batch, processes, setup.batches)
    command = [sys.executable, "-m", "benchmarks.peers.webdataset_loader", packages, setup.folder, *numbers]
    with subprocess.Popen(
        list(map(str, command)), stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, bufsize=1
    ) as peer:
        assert peer.stdin is not None and peer.stdout is not None
        stdin, stdout = peer.stdin, peer.stdout
        if stdout.readline().strip() != "ready":
            raise RuntimeError("the peer did not start; see its output above")

        def turn() -> float:
            print(file=stdin, flush=True)
            return float(stdout.readline())

        try:
            yield turn
        finally:
            stdin.close()


def _look_through(shard_folder: Path, folder: Path) -> tuple[Path, float]:
    """The catalogue of some shards, made in this process; and how many seconds that took."""
    shards = ShardFolder.at(shard_folder)
    start = perf_counter()
    catalogue.write_vocabulary_columns(folder, None)
    finished = folder / "finished"
    finished.mkdir()
    counts: Counter[str] = Counter()
    for number, block in enumerate(catalogue.blocks(shards.versions())):
        counts.update(catalogue.scan_shards(shards, None, block, number, finished).counts)
    catalogue.finish(folder, shards, finished, counts)
    return folder, perf_counter() - start


def _catalogue(crawl: Path) -> list[Claim]:
    folder, seconds = _look_through(crawl, WORK / "look-through")
    known = catalogue.load(folder)
    pictures = int(known.usable.sum())
    tracemalloc.start()
    sizes = np.full(_MANY, 1000)
    order = WindowOrder(sizes, 16, 4096, 1)
    start = perf_counter()
    order.at(BatchPartition(4096).positions(10**7))
    first = perf_counter() - start
    grown = tracemalloc.get_traced_memory()[1] / 1e6
    tracemalloc.stop()
    million = 1e6 / pictures
    table = known.table.nbytes / len(known.table) * 1000  # for 1000 shards of 1000 pictures
    return [
        Claim("catalogue, seconds/million pictures, one CPU", seconds * million, 60, f"{pictures} of a crawl", True),
        Claim("catalogue, MB/million pictures", table / 1e6, 1, "1000 shards of 1000 pictures", True),
        Claim("memory of the order, MB/million pictures", grown / 1000, 1, "1,000,000 shards of 1000 pictures", True),
        Claim("first batch of 1000 million pictures is drawn, s", first, 5, "from a step in the middle", True),
    ]


if __name__ == "__main__":
    main()
