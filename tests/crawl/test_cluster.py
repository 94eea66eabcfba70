"""`mofi crawl` on a cluster of two nodes, to a real S3 endpoint."""

import asyncio
import csv
import os
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import yaml
from aiohttp import web

from components.crawl.crawl import Source, crawl_pictures
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.bucket import WHOLE
from components.shards.index import read_index
from components.shards.reader import read_shard
from tests import ROOT
from tests.crawl.conftest import Host, drawing, encoded, knobs
from tests.crawl.sources.archives import gzipped, page
from tests.endpoint import BUCKET, Endpoint, serve_s3

HOSTS = [f"{name}.localhost" for name in "abcdefgh"]
PICTURES = 5  # of each host
COPY = "h.localhost/4.png"  # the same as a.localhost/0.png
LIMIT = 120.0  # seconds that anything is waited for


@dataclass
class Pictures(Host):
    """Eight hosts with pictures; responses wait for `ready(host and path, number of requests)`."""

    ready: Callable[[str, int], bool] = lambda _name, _time: True
    named: Counter[str] = field(default_factory=Counter)
    over: bool = False

    async def _answer(self, request: web.Request) -> web.StreamResponse:
        if request.path == "/robots.txt":
            return web.Response(status=404)
        host = request.host.partition(":")[0]
        name = f"{host}{request.path}"
        self.named[name] += 1
        requests = self.named[name]
        while not (self.ready(name, requests) or self.over):
            await asyncio.sleep(0.02)
        number = 100 * HOSTS.index(host) + int(request.path[1:-4])
        return web.Response(body=encoded(drawing(0 if name == COPY else number)))


@pytest.fixture
def pictures() -> Iterator[Pictures]:
    """A server in a thread."""
    served = Pictures()
    started, stop = threading.Event(), asyncio.Event()
    loop = asyncio.new_event_loop()

    async def serve() -> None:
        async with served:
            started.set()
            await stop.wait()
            served.over = True

    thread = threading.Thread(target=loop.run_until_complete, args=(serve(),))
    thread.start()
    assert started.wait(LIMIT)
    yield served
    loop.call_soon_threadsafe(stop.set)
    thread.join()
    loop.close()


@dataclass(frozen=True)
class User:
    """A user who runs `mofi crawl …` in a folder."""

    folder: Path
    environment: dict[str, str]

    def start(self, *arguments: str, **changes: str) -> "subprocess.Popen[str]":
        known = {name: value for name, value in os.environ.items() if not name.startswith(("AWS_", "RAY_ADDRESS"))}
        return subprocess.Popen(
            [sys.executable, "-m", "components.cli.main", "crawl", *arguments],
            cwd=self.folder,
            env=known | self.environment | {"PYTHONPATH": str(ROOT)} | changes,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
        )

    def crawl(self, *arguments: str, **changes: str) -> str:
        """The output of a successful command."""
        with self.start(*arguments, **changes) as process:
            said = process.communicate()[1]
        assert process.returncode == 0, said
        return said


def user(folder: Path, parameters: CrawlParameters, environment: dict[str, str]) -> User:
    folder.mkdir()
    defaults = yaml.safe_load((ROOT / "params.yaml").read_text())
    (folder / "params.yaml").write_text(yaml.safe_dump(defaults | {"crawl": parameters.model_dump(mode="json")}))
    return User(folder, environment)


PARAMETERS = knobs(shard_size=4, part_pairs=20, connections=2, timeout=LIMIT, requests=16)


@pytest.fixture
def apart(tmp_path: Path, two_nodes: str, endpoint: Endpoint) -> User:
    """A user on the cluster."""
    return user(tmp_path / "apart", PARAMETERS, endpoint.environment | {"RAY_ADDRESS": two_nodes})


@pytest.fixture
def alone(tmp_path: Path, endpoint: Endpoint) -> User:
    """A user on one machine."""
    return user(tmp_path / "alone", PARAMETERS, endpoint.environment)


@pytest.fixture
def prefix(request: pytest.FixtureRequest) -> str:
    return str(request.node.name)


@pytest.fixture
def listed(pictures: Pictures, tmp_path: Path) -> str:
    """A list of all pictures, as a source."""
    with (tmp_path / "list.csv").open("w", newline="") as stream:
        rows = csv.writer(stream)
        rows.writerow(("url", "caption"))
        rows.writerows((pictures.url(f"/{n}.png", h), f"drawing {n} of {h}") for h in HOSTS for n in range(PICTURES))
    return f"urls:{tmp_path}/list.csv"


@pytest.fixture
def expected(ray_cluster: None, listed: str, pictures: Pictures, tmp_path: Path) -> dict[str, bytes]:
    """The files of a crawl of the list into a folder, on one node."""
    measures = crawl_pictures(Source(files=(listed,)), None, tmp_path / "plain", PARAMETERS, tmp_path / "work")
    assert measures["parts"] == 2
    assert measures["pictures"] == {"attempted": 40, "success": 40, "failed": {}}
    assert measures["duplicates"]["exact"] == 1
    pictures.named.clear()
    return {path.name: path.read_bytes() for path in sorted((tmp_path / "plain").iterdir())}


def wait_until(condition: Callable[[], bool]) -> None:
    until = time.monotonic() + LIMIT
    while not condition():
        assert time.monotonic() < until, "it never came to that"
        time.sleep(0.05)


def put(endpoint: Endpoint, prefix: str, **files: bytes) -> None:
    from components.storage.s3 import Prefix

    for name, data in files.items():
        Prefix.of(f"s3://{BUCKET}/{prefix}").write(name, data)


def test_two_nodes_work_in_parallel_and_upload_what_one_machine_writes(
    expected: dict[str, bytes], listed: str, pictures: Pictures, apart: User, s3: Endpoint, prefix: str
) -> None:
    put(s3, prefix, **{"00000.tar": b"old", "00099.tar": b"longer", "00099_stats.json": b"", "notes.txt": b"mine"})
    # Each node has one CPU, and each of the two parts takes one. Responses wait for requests to all
    # hosts, which a single node could not send.
    pictures.ready = lambda _name, _time: len({name.partition("/")[0] for name in pictures.named}) == len(HOSTS)
    said = apart.crawl("--source", listed, "--out", f"s3://{BUCKET}/{prefix}")
    assert s3.objects(prefix) == expected | {WHOLE: b"", "notes.txt": b"mine"}
    assert "joined the Ray cluster at 127.0.0.1:" in said
    assert s3.environment["AWS_ACCESS_KEY_ID"] not in said
    assert not any((apart.folder / ".work" / "crawl").iterdir())


def test_a_crawl_whose_driver_is_killed_resumes_from_the_uploaded_shards(
    expected: dict[str, bytes], listed: str, pictures: Pictures, apart: User, s3: Endpoint, prefix: str, tmp_path: Path
) -> None:
    rows = read_index(tmp_path / "plain").to_pylist()
    last = [row["url"].partition("//")[2].replace(f":{pictures.port}", "") for row in rows if row["key"][:5] == "00002"]
    put(s3, prefix, **{WHOLE: b""})
    pictures.ready = lambda name, time: name != last[0] or time > 1
    command = ("--source", listed, "--out", f"s3://{BUCKET}/{prefix}")
    with apart.start(*command) as driver:
        try:
            wait_until(lambda: len(s3.objects(prefix)) == len(expected) - 3)
        finally:
            driver.kill()
    done = {name: data for name, data in expected.items() if not name.startswith("00002")}
    assert s3.objects(prefix).keys() == done.keys()  # their indexes have no duplicates yet
    assert all(s3.objects(prefix)[name] == data for name, data in done.items() if name.endswith(".tar"))
    pictures.named.clear()
    pictures.named[last[0]] = 1
    apart.crawl(*command)
    assert s3.objects(prefix) == expected | {WHOLE: b""}
    assert set(pictures.named) == set(last)


@pytest.mark.slow
def test_shards_in_a_bucket_are_adopted_by_one_machine_with_the_credentials_of_its_environment(
    listed: str, alone: User, apart: User, s3: Endpoint, prefix: str, tmp_path: Path
) -> None:
    apart.crawl("--source", listed, "--out", f"s3://{BUCKET}/{prefix}")
    alone.crawl("--source", f"img2dataset:s3://{BUCKET}/{prefix}/*.tar", "--out", f"s3://{BUCKET}/{prefix}-again")
    first, second = s3.folder / BUCKET / prefix, s3.folder / BUCKET / f"{prefix}-again"
    assert read_index(second).to_pylist() == read_index(first).to_pylist()
    names = [path.name for path in sorted(first.glob("*.tar"))]
    assert names == [path.name for path in sorted(second.glob("*.tar"))]
    for name in names:
        assert list(read_shard(second / name)) == list(read_shard(first / name))


def test_archives_and_lists_are_read_from_a_bucket(
    pictures: Pictures, apart: User, s3: Endpoint, prefix: str, tmp_path: Path
) -> None:
    html = f'<img src="{pictures.url("/1.png", "b.localhost")}" alt="in an archive">'
    put(
        s3,
        f"{prefix}/list",
        **{"list.csv": f"url,caption\n{pictures.url('/0.png', 'a.localhost')},in a list\n".encode()},
    )
    put(s3, f"{prefix}/crawl", **{"pages.warc.gz": gzipped([page("http://b.localhost/x.html", html)])})
    put(s3, f"{prefix}/crawl", **{"warc.paths": f"{prefix}/crawl/pages.warc.gz\n".encode()})
    sources = (f"urls:s3://{BUCKET}/{prefix}/list/*.csv", f"warc:@s3://{BUCKET}/{prefix}/crawl/warc.paths")
    out = (tmp_path / "out").as_uri()
    apart.crawl(*(word for source in sources for word in ("--source", source)), "--out", out)
    rows = read_index(tmp_path / "out").to_pylist()
    assert {row["caption"]: row["status"] for row in rows} == {"in a list": "success", "in an archive": "success"}


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_SECRET_ACCESS_KEY", "wrong"), ("AWS_ACCESS_KEY_ID", "wrong")], ids=["secret", "key"]
)
def test_wrong_credentials_end_the_command_before_any_request(
    listed: str, pictures: Pictures, alone: User, prefix: str, name: str, value: str
) -> None:
    with alone.start("--source", listed, "--out", f"s3://{BUCKET}/{prefix}", **{name: value}) as process:
        said = process.communicate()[1]
    assert process.returncode == 3
    assert "mofi: InputError" in said
    assert f"s3://{BUCKET}/{prefix}/ cannot be listed" in said
    assert "AWS_ACCESS_KEY_ID" in said
    assert not pictures.named


def test_an_access_error_on_a_node_is_reported_as_in_the_command(listed: str, apart: User, tmp_path: Path) -> None:
    with serve_s3(tmp_path / "s3") as another:  # which the nodes do not know
        (another.folder / "elsewhere").mkdir()
        command = ("--source", listed, "--out", "s3://elsewhere/crawl")
        with apart.start(*command, AWS_ENDPOINT_URL=another.url) as process:
            said = process.communicate()[1]
    assert process.returncode == 3
    assert "Traceback" not in said
    assert "mofi: InputError: s3://elsewhere/crawl/0000" in said
    assert "tar cannot be written: " in said
    assert "bucket does not exist" in said
    assert "AWS_ENDPOINT_URL" in said
