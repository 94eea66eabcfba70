"""Deduplication of growing crawls: neither memory per process nor time per picture may grow."""

import argparse
import logging
import shutil
import time
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.memory import MemoryMonitor
from components.cli import parameters
from components.crawl.duplicates.find import mark_duplicates
from components.execution import cluster
from components.images.fingerprint import COLOURS
from components.shards.format import INDEX_SCHEMA, SUCCESS, shard_name

WORK = Path(".work/benchmarks/duplicates")
_MOST = 500e6
_SHARD = 10_000
# Pictures of the warm-up crawl, which starts the workers.
_WARM_UP = 1000
# Shares of placeholders, exact copies, near-copies, and smooth pictures that agree in all bands but
# one.
_PLACEHOLDER, _EXACT, _NEAR, _SMOOTH = 0.05, 0.05, 0.05, 0.05


def main() -> None:
    """Makes indexes of growing size, marks their duplicates, and prints time and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--most", type=int, default=1_000_000, help="pictures of the largest crawl; the other one has a tenth"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    cluster.connect()
    columns = ("pictures", "seconds", "µs a picture", "copies", "planted", "largest worker, MB", "driver, MB")
    table = Table(*columns, box=None)
    memory, seconds, recall = {}, {}, 1.0
    for number in (_WARM_UP, options.most // 10, options.most):
        shutil.rmtree(WORK, ignore_errors=True)
        planted = _write_indexes(WORK / "shards", number)
        start = time.perf_counter()
        with MemoryMonitor() as monitor:
            found = mark_duplicates(WORK / "shards", parameters.load().crawl, WORK / "work")
        if number == _WARM_UP:
            continue
        seconds[number] = time.perf_counter() - start
        memory[number] = max(monitor.worker, monitor.driver)
        recall = min(recall, found.total() / planted)
        sizes = [f"{size / 1e6:.0f}" for size in (monitor.worker, monitor.driver)]
        each = f"{1e6 * seconds[number] / number:.0f}"
        table.add_row(f"{number:,}", f"{seconds[number]:.0f}", each, f"{found.total():,}", f"{planted:,}", *sizes)
    shutil.rmtree(WORK)
    Console().print(table)
    few, many = memory
    growth = (seconds[many] / many) / (seconds[few] / few)
    conclude(
        [
            Claim(
                "memory of a process, bytes", max(memory.values()), _MOST, "the limit of a crawl's worker", at_most=True
            ),
            Claim("time of a picture, ten times the pictures", growth, 1.5, "the smaller crawl", at_most=True),
            Claim("share of planted copies found", recall, 0.999, "all"),
        ]
    )


def _write_indexes(folder: Path, number: int) -> int:
    """Writes indexes without tars; returns the number of planted duplicates."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(number)
    planted, placeholders = 0, 0
    earlier: dict[str, Any] | None = None
    for shard in range(-(-number // _SHARD)):
        rows = _random(rng, min(_SHARD, number - shard * _SHARD))
        kinds = rng.permutation(len(rows["phash"]))
        ends = np.cumsum([int(share * len(kinds)) for share in (_PLACEHOLDER, _EXACT, _NEAR, _SMOOTH)])
        placeholder, exact, near, smooth, _ = np.split(kinds, ends)
        rows["phash"][placeholder], rows["colours"][placeholder], rows["sha256"][placeholder] = 0, 255, 0
        placeholders += len(placeholder)
        rows["phash"][smooth] &= np.uint64(0xFFFF)
        if earlier is not None:
            for name in rows:
                rows[name][exact] = earlier[name][exact]
            rows["phash"][near] = earlier["phash"][near] ^ (np.uint64(1) << rng.integers(0, 64, len(near), np.uint64))
            noise = rng.integers(-5, 6, (len(near), COLOURS))
            rows["colours"][near] = np.clip(earlier["colours"][near] + noise, 0, 255)
            planted += len(exact) + len(near)
        _write(folder, shard, rows)
        earlier = rows
    return planted + placeholders - 1


def _random(rng: np.random.Generator, number: int) -> dict[str, Any]:
    """Random hashes, and colours that vary as in photographs: more between pictures than within."""
    middles, spread = rng.normal(120, 45, (number, 1)), rng.normal(0, 35, (number, COLOURS))
    return {
        "phash": rng.integers(0, 1 << 63, number, np.uint64),
        "colours": np.clip(middles + spread, 0, 255).astype(np.uint8),
        "sha256": rng.integers(0, 256, (number, 32), np.uint8),
    }


def _write(folder: Path, shard: int, rows: dict[str, Any]) -> None:
    number = len(rows["phash"])
    columns = {
        "key": [f"{shard:05d}{n:04d}" for n in range(number)],
        "status": [SUCCESS] * number,
        "phash": pa.array(rows["phash"]),
        "colours": pa.array([row.tobytes() for row in rows["colours"]], pa.binary(COLOURS)),
        "sha256": [row.tobytes().hex() for row in rows["sha256"]],
    }
    arrays = [
        pa.array(columns[field.name], field.type) if field.name in columns else pa.nulls(number, field.type)
        for field in INDEX_SCHEMA
    ]
    pq.write_table(pa.Table.from_arrays(arrays, schema=INDEX_SCHEMA), folder / f"{shard_name(shard)}.parquet")


if __name__ == "__main__":
    main()
