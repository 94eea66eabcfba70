"""A crawl whose driver and workers are killed twenty times, at random points of its progress."""

import logging
import os
import random
import signal
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from subprocess import DEVNULL, Popen

import psutil
import pytest

from components.shards.format import SUCCESS
from components.shards.index import read_index
from components.shards.writer import Row, write_shard
from components.storage.json_files import read_json
from tests import ROOT
from tests.crawl.conftest import drawing, encoded, gallery
from tests.crawl.sources.archives import gzipped, page
from tests.ports import free_port
from tests.processes import command_line

logger = logging.getLogger(__name__)

PROGRAM = """
import sys
from pathlib import Path
from components.crawl.crawl import Source, crawl_pictures
from components.execution.stage import write_json
from tests.crawl.conftest import knobs
folder, port = Path(sys.argv[1]), int(sys.argv[2])
source = Source(
    tuple(f"http://{name}.localhost:{port}/" for name in "abc"), folder / "web", port,
    (f"warc:{folder}/pages.warc.gz", f"urls:{folder}/list.csv", f"img2dataset:{folder}/old/00000.tar"),
)
knob = knobs(shard_size=8, part_pairs=40, delay=0.01)
measures = crawl_pictures(source, folder / "held", folder / "out", knob, folder / "work")
write_json(folder / "measures.json", measures)
"""
HOSTS, PICTURES = "abcdef", 60
KILLS = 20
# New files between two kills; a crawl writes about a thousand.
_FEWEST, _MOST = 4, 70
# Of one shard's workers Ray replaces three; a driver that loses more may give up, as it should.
_WORKERS_OF_A_DRIVER = 3
# On a busy machine Ray may fail to start next to the rest of a killed one; users would retry, too.
_RAY_DID_NOT_START, _FAILED_STARTS = "The current node timed out during startup", 5
_PATIENCE = 120.0  # seconds without any new file, after which the crawl hangs


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sites, an archive, a list and an old shard; some pictures are only in the last two."""
    folder = tmp_path_factory.mktemp("kills")
    (folder / "held").mkdir()
    (folder / "held" / "0001_set.png").write_bytes(encoded(drawing(100 * 2 + 5)))
    for n, name in enumerate(HOSTS):
        site = gallery(f"{name}.localhost", PICTURES, seed=n)
        site.files["/robots.txt"] = b"User-agent: *\nDisallow: /img/7.jpeg\n"
        site.answer("/img/8.webp", X_Robots_Tag="noai")
        site.files["/img/9.png"] = b"no picture"
        site.page(
            "/more.html", '<img src="/img/gone.png" alt="a picture that is gone"><img src="/img/0.png" alt="again">'
        )
        site.files["/index.html"] = site.files["/index.html"].replace(
            b"</body>", b'<a href="/more.html">more</a></body>'
        )
        site.write(folder / "web")
    record = {"key": "000000000", "status": SUCCESS, "url": "http://old.example/1.png", "caption": "an old picture"}
    (folder / "old").mkdir()
    write_shard(folder / "old", 0, [Row(record, encoded(drawing(9999)), "png")])
    return folder


def write_files(folder: Path, port: int) -> None:
    """The archive and the list, with the port in their URLs."""
    kinds = ("png", "jpeg", "webp")

    def urls(name: str) -> list[str]:
        return [f"http://{name}.localhost:{port}/img/{n}.{kinds[n % 3]}" for n in range(PICTURES)]

    pages = [
        page(f"http://{name}.localhost:{port}/{n}.html", f'<img src="{url}" alt="drawing {n} of an archive">')
        for name in "ad"
        for n, url in enumerate(urls(name))
    ]
    (folder / "pages.warc.gz").write_bytes(gzipped(pages))
    rows = [f"{url},drawing {n} of a list" for name in "bef" for n, url in enumerate(urls(name))]
    (folder / "list.csv").write_text("\n".join(["url,caption", *rows]) + "\n")


@dataclass
class Run:
    """A crawl in a separate process, and all files that it was seen to write.

    Attributes:
        tree: the descendants of killed drivers; they end by themselves.
    """

    folder: Path
    port: int
    seen: set[str] = field(default_factory=set)
    tree: set[psutil.Process] = field(default_factory=set)
    failed_starts: int = 0

    @property
    def log(self) -> Path:
        return self.folder / "log.txt"

    def start(self) -> None:
        environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
        command = [sys.executable, "-c", PROGRAM, str(self.folder), str(self.port)]
        with self.log.open("ab") as said:
            self.process: Popen[bytes] = Popen(command, cwd=ROOT, env=environment, stdout=DEVNULL, stderr=said)
        self._driver = psutil.Process(self.process.pid)

    def goes_on(self, new: int) -> bool:
        """Waits for a number of new files; False if the crawl ended before."""
        target, last = len(self.seen) + new, time.monotonic()
        while self.process.poll() is None:
            before = len(self.seen)
            self._look()
            if len(self.seen) >= target:
                return True
            if len(self.seen) > before:
                last = time.monotonic()
            assert time.monotonic() - last < _PATIENCE, f"nothing new after {len(self.seen)} files"
            time.sleep(0.01)
        if self.process.returncode != 0:
            said = self.log.read_text()[-3000:]
            self.failed_starts += _RAY_DID_NOT_START in said
            if _RAY_DID_NOT_START not in said or self.failed_starts > _FAILED_STARTS:
                pytest.fail(f"the driver ended with {self.process.returncode}: {said}")
            self.log.unlink()
            self.start()
            return self.goes_on(new)
        return False

    def _look(self) -> None:
        for top in ("work", "out"):
            for folder, _, files in os.walk(self.folder / top):  # what goes meanwhile is no error for it
                self.seen.update(f"{folder}/{name}" for name in files)

    def end(self) -> None:
        """Stops what a failed assertion left, and checks that killed processes left nothing."""
        self.process.kill()
        self.process.wait()
        _, left = psutil.wait_procs(self.tree, timeout=_PATIENCE)
        for process in left:
            process.kill()
        assert not left, left

    def workers(self) -> Iterator[psutil.Process]:
        """This crawl's busy Ray workers."""
        for process in self._driver.children(recursive=True):
            if command_line(process).split()[:1] == ["ray::_one"]:
                yield process

    def kill_worker(self, chance: random.Random) -> bool:
        """Kills a busy worker, if there is one; returns whether there was."""
        busy = sorted(self.workers(), key=lambda process: process.pid)
        if busy:
            victim = chance.choice(busy)
            victim.kill()
            victim.wait()
        return bool(busy)

    def kill_driver(self) -> bool:
        """Kills the driver; returns whether it was still running."""
        self.tree.update(self._driver.children(recursive=True))
        self.process.kill()
        return self.process.wait() == -signal.SIGKILL

    def disturbed(self, chance: random.Random, kills: int) -> Counter[str]:
        """Runs to the end with at most this many kills; returns those that succeeded."""
        hits: Counter[str] = Counter()
        self.start()
        here = 0
        while self.goes_on(chance.randint(_FEWEST, _MOST) if hits.total() < kills else sys.maxsize):
            if here < _WORKERS_OF_A_DRIVER and chance.random() < 0.6:
                hit = self.kill_worker(chance)
                here += hit
                hits["worker"] += hit
            else:
                hits["driver"] += self.kill_driver()
                self.start()
                here = 0
        return hits


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.slow
@pytest.mark.timeout(1800)
@pytest.mark.parametrize("seed", [1, 2])
def test_a_crawl_that_loses_workers_and_drivers_loses_and_doubles_nothing(
    seed: int, folder: Path, tmp_path: Path
) -> None:
    chance, port = random.Random(seed), free_port()
    write_files(folder, port)

    def made(name: str) -> Run:
        run = Run(tmp_path / name, port)
        run.folder.mkdir()
        for part in ("web", "held", "old", "pages.warc.gz", "list.csv"):
            (run.folder / part).symlink_to(folder / part)
        return run

    whole = made("whole")
    assert not whole.disturbed(chance, 0)
    index = read_index(whole.folder / "out").to_pylist()
    assert len({row["url"] for row in index}) == len(index) > 300
    assert read_json(whole.folder / "measures.json")["parts"] >= 6
    hits: Counter[str] = Counter()
    number = 0
    while hits.total() < KILLS:  # a crawl that ended early is begun again from nothing
        run = made(f"killed-{number}")
        try:
            hits += run.disturbed(chance, KILLS - hits.total())
        finally:
            run.end()
        assert content(run.folder / "out") == content(whole.folder / "out")
        assert read_json(run.folder / "measures.json") == read_json(whole.folder / "measures.json")
        number += 1
    logger.info("%d crawls went through %s", number, dict(hits))
    assert hits.total() == KILLS
    assert min(hits["worker"], hits["driver"]) >= 4
