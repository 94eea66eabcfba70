"""WAT records per second, compared with warcio and json: one process each, and two of ours."""

import argparse
import logging
from multiprocessing import get_context
from pathlib import Path

from benchmarks.harness.archives import write_wat
from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.extraction import WORK, Rates, measure, read_ours, show
from benchmarks.harness.pages import pages
from components.crawl.pair import Pair
from components.crawl.sources.wat import Wat


def main() -> None:
    """Writes the archive, reads it in alternating rounds, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pages", type=int, default=2000, help="pages in the archive, three records each")
    parser.add_argument("--rounds", type=int, default=5, help="rounds of each reader")
    options = parser.parse_args()
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(message)s", datefmt="%H:%M:%S")
    WORK.mkdir(parents=True, exist_ok=True)
    path = WORK / "pages.wat.gz"
    records = write_wat(path, pages(options.pages))
    one = measure(Wat(), ["wat_json.py"], path, records, _columns, options.rounds)
    two = Rates(_on_two(path, records, options.rounds), one.peers)
    title = f"WAT of {records} records, {path.stat().st_size / records / 1000:.1f} kB each, gzipped"
    show(title, "records", {"ours": one.ours, "ours, two processes": two.ours, "warcio + json": one.peers})
    conclude(
        [
            Claim("records a second, pairs from a WAT", one.ratio, 2, "warcio + json, one process each"),
            Claim("records a second, pairs from a WAT, two processes", two.ratio, 4, "warcio + json, one process"),
        ]
    )


def _on_two(path: Path, records: int, rounds: int) -> list[float]:
    """Rates of two concurrent readers, by the slower one's time."""
    rates = []
    with get_context("spawn").Pool(2) as pool:
        pool.map(_read, [path] * 2, chunksize=1)  # warm-up
        for _ in range(rounds):
            rates.append(2 * records / max(pool.map(_read, [path] * 2, chunksize=1)))
    return rates


def _read(path: Path) -> float:
    return float(read_ours(Wat(), path, _columns)["seconds"])


def _columns(pair: Pair) -> tuple[str, ...]:
    return pair.url, pair.caption, pair.page_url, pair.page_title


if __name__ == "__main__":
    main()
