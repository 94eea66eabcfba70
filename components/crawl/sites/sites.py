"""Live sites as a source of pairs: one Scrapy process and one file of pairs per site."""

import errno
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby
from pathlib import Path
from typing import Any

from components.crawl.address import AddressFilter, host_of, resolve, site_of
from components.crawl.counts import CRAWLED, DROPPED, FOUND, REFUSED
from components.crawl.local_web.server_process import ServerProcess
from components.crawl.pair import Pair
from components.crawl.pair_files import write_pairs
from components.crawl.pair_filters import keep, pair_filters
from components.crawl.parameters import CrawlParameters
from components.crawl.reasons import errors
from components.crawl.sites.spider_job import COUNTS, PAIRS, SpiderJob
from components.errors import InputError, SetupError
from components.execution.shard_map import Outcome, map_shards
from components.storage.json_files import read_json

_ROOT = Path(__file__).resolve().parents[3]


@dataclass(frozen=True)
class Site:
    """A host (without `www.`) and its start URLs."""

    host: str
    starts: tuple[str, ...]


def group_sites(starts: Sequence[str], parameters: CrawlParameters) -> list[Site]:
    """Groups start URLs by site, sorted.

    Raises:
        InputError: if a URL is invalid or must not be crawled.
    """
    address_filter = AddressFilter(parameters.allow_private_hosts)
    addresses = set()
    for start in starts:
        address = resolve(start, start)
        if address is None or not host_of(address):
            raise InputError(f"{start!r} is not a URL to crawl; give one like https://example.org/")
        if not address_filter.permits_name(host_of(address)):
            raise InputError(
                f"{start} is on this machine or a private network; "
                f"add {host_of(address)!r} to crawl.allow_private_hosts in params.yaml if you mean it"
            )
        addresses.add(address)
    return [Site(host, tuple(urls)) for host, urls in groupby(sorted(addresses, key=_by_site), key=site_of)]


def _by_site(url: str) -> tuple[str, str]:
    return site_of(url), url


def crawl_sites(
    sites: Sequence[Site], parameters: CrawlParameters, server: ServerProcess | None, work: Path
) -> tuple[list[Path], Counter[str]]:
    """Crawls the sites; returns their files of pairs in order, and counts by outcome."""
    task = partial(_crawl_site, parameters, server)
    limits = {"max_error_share": parameters.max_error_share, "cpus": parameters.task_cpus}
    finished, counts = map_shards(task, sites, stage="crawl: pages", work=work, **limits)
    return [finished / f"{number:05d}.parquet" for number in range(len(sites))], counts


def _crawl_site(
    parameters: CrawlParameters, server: ServerProcess | None, site: Site, number: int, out: Path
) -> Outcome:
    with tempfile.TemporaryDirectory(dir=out) as folder:
        job = SpiderJob(site.host, site.starts, Path(folder), parameters)
        _run_spider(job)
        with (job.folder / PAIRS).open(encoding="utf-8") as lines:
            dropped: Counter[str] = Counter()
            pairs = keep((Pair(**json.loads(line)) for line in lines), pair_filters(parameters), dropped)
            write_pairs(out / f"{number:05d}.parquet", pairs)
        found = read_json(job.folder / COUNTS)
    if server is not None:
        server.check()
    return _outcome(found, dropped)


def _outcome(found: dict[str, Any], by_rules: Counter[str]) -> Outcome:
    counts = Counter({CRAWLED: found["crawled"], FOUND: found["pairs"]})
    counts.update({f"{REFUSED}{reason}": n for reason, n in found["refused"].items()})
    counts.update({f"{DROPPED}{reason}": n for reason, n in found["dropped"].items()})
    counts.update(by_rules)
    refused = found["refused"]
    return Outcome(counts, attempted=found["crawled"] + sum(refused.values()), errors=errors(refused))


def _run_spider(job: SpiderJob) -> None:
    """Runs the spider in a process group; it exits when its standard input closes.

    Raises:
        SetupError: if it exits without a result.
        OSError: if the disk is full.
    """
    path, log = job.folder / "job.json", job.folder / "log.txt"
    job.write(path)
    paths = os.pathsep.join(filter(None, [str(_ROOT), os.environ.get("PYTHONPATH")]))
    with log.open("wb") as errors:
        spider = subprocess.Popen(
            [sys.executable, "-m", "components.crawl.sites.spider", str(path)],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=errors,
            cwd=job.folder,
            env=os.environ | {"PYTHONPATH": paths},
            start_new_session=True,
        )
    try:
        code = spider.wait()
    finally:
        if spider.poll() is None:
            os.killpg(spider.pid, signal.SIGKILL)
            spider.wait()
    if code != 0:
        output = log.read_text(encoding="utf-8", errors="replace").strip()[-2000:]
        if f"[Errno {errno.ENOSPC}]" in output:
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), str(job.folder))
        raise SetupError(f"the spider of {job.site} exited with code {code} and no result; its output:\n{output}")
