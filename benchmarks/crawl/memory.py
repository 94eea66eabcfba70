"""Memory of the crawl's processes, which must not grow with the number of URLs."""

import argparse
import logging
import shutil
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
from rich.console import Console
from rich.table import Table

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.memory import MemoryMonitor
from benchmarks.harness.servers import serve_pictures, write_small_picture
from components.cli import parameters
from components.crawl.crawl import Source, crawl_pictures
from components.execution import cluster
from components.shards.format import SUCCESS

WORK = Path(".work/benchmarks/memory")
_HOSTS = [f"127.0.{n // 250}.{1 + n % 250}" for n in range(500)]
_MOST = 500e6
_CHUNK = 100_000


def main() -> None:
    """Crawls lists of growing length and prints time and memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        "--most", type=int, default=1_000_000, help="URLs of the longest list (others: a tenth, a hundredth)"
    )
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    WORK.mkdir(parents=True, exist_ok=True)
    cluster.connect()
    table = Table("addresses", "seconds", "addresses/s", "largest worker, MB", "driver, MB", box=None)
    workers = {}
    write_small_picture(WORK / "small.png", 32, 8)
    with serve_pictures(WORK / "small.png", _HOSTS) as port:
        for number in (options.most // 100, options.most // 10, options.most):
            _write_list(WORK / "list.parquet", number, port)
            start = time.perf_counter()
            with MemoryMonitor() as monitor:
                _crawl(number)
            seconds = time.perf_counter() - start
            workers[number] = monitor.worker
            sizes = [f"{size / 1e6:.0f}" for size in (monitor.worker, monitor.driver)]
            table.add_row(f"{number:,}", f"{seconds:.0f}", f"{number / seconds:,.0f}", *sizes)
    Console().print(table)
    least, *_, last = workers.values()
    conclude(
        [
            Claim("memory of a worker, bytes", max(workers.values()), _MOST, "the limit", at_most=True),
            Claim(
                "memory of a worker, a hundred times the addresses",
                last / least,
                1.2,
                "the shortest list",
                at_most=True,
            ),
        ]
    )


def _crawl(number: int) -> None:
    changes = {"allow_private_hosts": ["127.0.*"], "part_pairs": 10_000, "shard_size": 1000, "max_repeats": 10**6}
    knobs = parameters.load().crawl.model_copy(update=changes)
    shutil.rmtree(WORK / "work", ignore_errors=True)
    source = Source(files=(f"urls:{WORK / 'list.parquet'}",))
    measures = crawl_pictures(source, None, WORK / "out", knobs, WORK / "work")
    if measures["pictures"][SUCCESS] != number:
        raise RuntimeError(f"of {number} pictures: {measures['pictures']}")


def _write_list(path: Path, number: int, port: int) -> None:
    schema = pa.schema([("url", pa.string()), ("text", pa.string())])
    with pq.ParquetWriter(path, schema) as writer:
        for first in range(0, number, _CHUNK):
            numbers = range(first, min(number, first + _CHUNK))
            urls = [f"http://{_HOSTS[n % len(_HOSTS)]}:{port}/pictures/{n:09d}.png" for n in numbers]
            texts = [f"picture number {n} of a long list" for n in numbers]
            writer.write_table(pa.table({"url": urls, "text": texts}, schema))


if __name__ == "__main__":
    main()
