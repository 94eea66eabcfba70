"""Download speed of good hosts next to misbehaving ones, compared with the good hosts alone.

As on the web, and with the limits that docs/crawl.md recommends for it, hosts rather than CPUs
limit the speed. Where CPUs do, every further host takes its share of them.
"""

import argparse
import json
import logging
import shutil
import statistics
import urllib.request
from collections import Counter, defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pandas as pd

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.extraction import show
from benchmarks.harness.servers import free_port, run_servers, write_small_picture
from benchmarks.peers.bad_server import KINDS
from components.cli import parameters
from components.crawl.address import site_of
from components.crawl.crawl import Source, crawl_pictures
from components.crawl.hosts.fetch import GIVEN_UP
from components.execution import cluster
from components.shards.format import SUCCESS
from components.shards.index import read_index

WORK = Path(".work/benchmarks/bad_hosts")
_GOOD = [f"127.0.0.{n}" for n in range(1, 25)]
_BAD = {kind: f"127.0.1.{n}" for n, kind in enumerate(KINDS, 1)}


def main() -> None:
    """Serves good and bad hosts, crawls them in alternating rounds, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=300, help="pictures of each host")
    parser.add_argument("--rounds", type=int, default=3, help="times that each is crawled")
    parser.add_argument("--wait", type=float, default=0.1, help="seconds after which a good host answers")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    WORK.mkdir(parents=True, exist_ok=True)
    cluster.connect()
    alone: list[float] = []
    mixed: list[float] = []
    with _serving(options.wait) as port:
        for number in range(options.rounds):
            for hosts, rates in ((_GOOD, alone), ([*_GOOD, *_BAD.values()], mixed))[:: 1 if number % 2 else -1]:
                rates.append(_crawl(hosts, options.pictures, port))
    show(
        f"{len(_GOOD)} hosts that answer after {1000 * options.wait:.0f} ms, {options.pictures} pictures each",
        "pictures of good hosts",
        {"alone": alone, f"with {len(_BAD)} bad hosts": mixed},
    )
    ratio = statistics.median(with_bad / without for with_bad, without in zip(mixed, alone, strict=True))
    conclude([Claim("speed of good hosts with bad ones", ratio, 0.95, "the good hosts alone")])


def _crawl(hosts: list[str], pictures: int, port: int) -> float:
    """Pictures of good hosts per second, between the first and the last request."""
    _write_list(WORK / "list.parquet", hosts, pictures, port)
    changes = {
        "allow_private_hosts": ["127.0.*"],
        "part_pairs": 10**6,  # one part with all hosts
        "max_error_share": 1.0,
        "languages": [],
        "connections": 2,
        "requests": 200,
        "timeout": 3.0,
    }
    knobs = parameters.load().crawl.model_copy(update=changes)
    shutil.rmtree(WORK / "work", ignore_errors=True)
    _times(port)
    crawl_pictures(Source(files=(f"urls:{WORK / 'list.parquet'}",)), None, WORK / "out", knobs, WORK / "work")
    _check(hosts, pictures)
    times = _times(port)
    if times["asked"] != pictures * len(_GOOD):
        raise RuntimeError(f"the good hosts got {times['asked']} requests instead of {pictures * len(_GOOD)}")
    return times["asked"] / (times["last"] - times["first"])


def _check(hosts: list[str], pictures: int) -> None:
    """Checks that good hosts lost nothing, and bad ones everything for their reason."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for row in read_index(WORK / "out").to_pylist():
        found[site_of(row["url"])][row["error_message"] or SUCCESS] += 1
    reasons = {_BAD[kind]: reason for kind, (_, reason) in KINDS.items()}
    for host in hosts:
        reason = reasons.get(host, SUCCESS)
        allowed = {reason, GIVEN_UP} if host in reasons else {SUCCESS}
        if found[host].total() != pictures or not found[host][reason] or set(found[host]) - allowed:
            raise RuntimeError(f"pictures of {host}, of which {reason} is expected: {dict(found[host])}")


def _write_list(path: Path, hosts: list[str], pictures: int, port: int) -> None:
    urls = [f"http://{host}:{port}/{n}.png" for n in range(pictures) for host in hosts]
    pd.DataFrame({"url": urls, "text": [f"picture number {n} of a list" for n in range(len(urls))]}).to_parquet(path)


def _times(port: int) -> dict[str, float]:
    with urllib.request.urlopen(f"http://{_GOOD[0]}:{port}/times") as answer:
        return dict(json.load(answer))


@contextmanager
def _serving(wait: float) -> Iterator[int]:
    write_small_picture(WORK / "small.png", 64, 32)
    port = free_port(_GOOD[0])
    good = ["picture_server.py", port, WORK / "small.png", wait, *_GOOD]
    bad = ["bad_server.py", port, *(f"{kind}={address}" for kind, address in _BAD.items())]
    with run_servers(good, bad):
        yield port


if __name__ == "__main__":
    main()
