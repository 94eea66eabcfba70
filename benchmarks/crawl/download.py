"""Downloaded pictures per second, compared with img2dataset.

Both use the same loopback server, picture size and encoding, and write WebDataset.
"""

import argparse
import json
import logging
import shutil
import subprocess
import time
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from benchmarks.harness.claim import Claim, conclude
from benchmarks.harness.extraction import Rates, show
from benchmarks.harness.servers import serve_pictures
from benchmarks.peers.environment import PEERS, environment
from components.cli import parameters
from components.crawl.crawl import Source, crawl_pictures
from components.execution import cluster
from components.shards.format import SUCCESS

WORK = Path(".work/benchmarks/download")
_SIDE, _QUALITY = 256, 95
_PROCESSES, _THREADS = 2, 32
_DIFFERENT = 200
# Addresses of this machine, for many hosts as on the web.
_HOSTS = [f"127.0.0.{n}" for n in range(1, 33)]


def main() -> None:
    """Serves pictures, downloads them in alternating rounds, and prints the results."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--pictures", type=int, default=20_000, help="pictures to download")
    parser.add_argument("--rounds", type=int, default=3, help="rounds of each downloader")
    options = parser.parse_args()
    logging.basicConfig(level=logging.WARNING)
    size = _make_pictures(WORK / "web")
    environment("img2dataset")
    cluster.connect()
    rates = Rates([], [])
    with serve_pictures(WORK / "web", _HOSTS) as port:
        pairs = WORK / "pairs.parquet"
        _write_list(pairs, options.pictures, port)
        for _ in range(options.rounds):
            rates.peers.append(options.pictures / _peer(pairs, options.pictures))
            rates.ours.append(options.pictures / _ours(pairs, options.pictures))
    title = f"{options.pictures} JPEGs of 640 x 480 px, {size / 1000:.0f} kB each, to {_SIDE} px"
    show(title, "pictures", {"ours": rates.ours, f"img2dataset, {_PROCESSES} x {_THREADS} threads": rates.peers})
    conclude([Claim("pictures downloaded a second", rates.ratio, 1.5, "img2dataset 1.47.0")])


def _make_pictures(folder: Path) -> float:
    """Makes distinct JPEGs with photographic detail; returns their mean size in bytes."""
    folder.mkdir(parents=True, exist_ok=True)
    for n in range(_DIFFERENT):
        path = folder / f"{n}.jpg"
        if not path.exists():
            rng = np.random.default_rng(n)
            coarse = Image.fromarray(rng.integers(0, 256, (12, 16, 3), dtype=np.uint8)).resize(
                (640, 480), Image.Resampling.BICUBIC
            )
            noise = rng.normal(0, 14, (480, 640, 3))
            Image.fromarray((np.asarray(coarse) + noise).clip(0, 255).astype(np.uint8)).save(path, quality=75)
    return float(np.mean([(folder / f"{n}.jpg").stat().st_size for n in range(_DIFFERENT)]))


def _write_list(path: Path, pictures: int, port: int) -> None:
    urls = [f"http://{_HOSTS[n % len(_HOSTS)]}:{port}/{n % _DIFFERENT}.jpg?n={n}" for n in range(pictures)]
    pd.DataFrame({"url": urls, "text": [f"picture number {n} of a list" for n in range(pictures)]}).to_parquet(path)


def _peer(pairs: Path, pictures: int) -> float:
    """Seconds of img2dataset."""
    out = WORK / "peer"
    shutil.rmtree(out, ignore_errors=True)
    arguments = [PEERS / "img2dataset_run.py", pairs, out, _SIDE, _QUALITY, _PROCESSES, _THREADS]
    command = [str(environment("img2dataset") / "python"), *map(str, arguments)]
    done = subprocess.run(command, check=True, capture_output=True, text=True)
    found = sum(json.loads(path.read_text())["successes"] for path in out.glob("*_stats.json"))
    if found != pictures:
        raise RuntimeError(f"img2dataset got {found} of {pictures} pictures; its output: {done.stderr[-2000:]}")
    return float(json.loads(done.stdout.splitlines()[-1])["seconds"])


def _ours(pairs: Path, pictures: int) -> float:
    """Seconds of our crawl, from the list to published shards."""
    changes = {
        "allow_private_hosts": ["127.0.0.*"],
        "resize": "keep_ratio",
        "side": _SIDE,
        "encode": "jpg",
        "quality": _QUALITY,
        "connections": _THREADS,
        "requests": _THREADS,
    }
    knobs = parameters.load().crawl.model_copy(update=changes)
    start = time.perf_counter()
    measures = crawl_pictures(Source(files=(f"urls:{pairs}",)), None, WORK / "ours", knobs, WORK / "work")
    seconds = time.perf_counter() - start
    if measures["pictures"][SUCCESS] != pictures:
        raise RuntimeError(f"we got {measures['pictures']} of {pictures} pictures")
    return seconds


if __name__ == "__main__":
    main()
