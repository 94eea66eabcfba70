"""The stage end to end, on small webs on loopback."""

import os
import random
import signal
import socket
import sys
import zipfile
from pathlib import Path
from subprocess import DEVNULL, Popen, TimeoutExpired
from typing import Any

import pytest

from components.crawl.crawl import Source, crawl_pictures
from components.errors import InputError, SetupError
from components.shards.format import SUCCESS
from components.shards.index import read_index
from components.storage.json_files import read_json
from tests import ROOT
from tests.crawl.conftest import Archive, drawing, encoded, gallery, knobs
from tests.crawl.sources.archives import gzipped, page
from tests.ports import free_port

PROGRAM = """
import sys
from pathlib import Path
from components.crawl.crawl import Source, crawl_pictures
from components.execution.stage import write_json
from tests.crawl.conftest import knobs
folder, port = Path(sys.argv[1]), int(sys.argv[2])
source = Source(web=folder / "web", port=port)
measures = crawl_pictures(source, folder / "held", folder / "out", knobs(shard_size=8), folder / "work")
write_json(folder / "measures.json", measures)
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three sites with their own and each other's pictures, and a copied hold-out picture."""
    folder = tmp_path_factory.mktemp("crawl")
    (folder / "held").mkdir()
    (folder / "held" / "0001_set.jpg").write_bytes(encoded(drawing(77, 128), "JPEG", quality=95))
    for n, name in enumerate(("a", "b", "c")):
        site = gallery(f"{name}.localhost", 20, seed=n)
        site.files["/held.webp"] = encoded(drawing(77, 128).crop((2, 0, 128, 126)).resize((90, 90)), "WEBP", quality=90)
        shown = sorted(path for path in site.files if not path.endswith(".html"))
        pictures = "".join(f'<figure><img src="{path}"><figcaption>again</figcaption></figure>' for path in shown)
        site.page("/more.html", pictures + '<img src="/img/0.png" alt="" width="2">')
        site.files["/index.html"] = site.files["/index.html"].replace(
            b"</body>", b'<a href="/more.html">more</a></body>'
        )
        site.write(folder / "web")
    return folder


def crawl(folder: Path, out: Path, **changes: Any) -> dict[str, Any]:
    source = Source(web=folder / "web", port=changes.pop("port", free_port()))
    return crawl_pictures(source, folder / "held", out / "out", knobs(**changes), out / "work")


def content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in sorted(folder.iterdir())}


@pytest.mark.usefixtures("ray_cluster")
def test_a_web_becomes_shards_and_every_loss_is_counted(folder: Path, tmp_path: Path) -> None:
    measures = crawl(folder, tmp_path)
    assert measures == {
        "sites": 3,
        "files": {"read": 0, "unreadable_records": 0},
        "pages": {"crawled": 6, "refused": {}},
        "pairs": {"found": 123, "dropped": {"duplicate_address": 60, "spacer": 3}},
        "pictures": {"attempted": 63, "success": 60, "failed": {"near_copy_of_hold_out": 3}},
        "parts": 3,
        "shards": 9,
        "duplicates": {"exact": 0, "near": 0},
    }
    index = read_index(tmp_path / "out").to_pylist()
    assert [row["key"] for row in index] == sorted(row["key"] for row in index)
    assert len({row["url"] for row in index}) == 63
    assert {row["caption"] for row in index if row["url"].endswith("/img/0.png")} == {"a drawing, 0"}
    assert not (tmp_path / "work" / "crawl").exists() or not any((tmp_path / "work" / "crawl").iterdir())


@pytest.mark.usefixtures("ray_cluster")
def test_times_are_written_to_a_separate_file(folder: Path, tmp_path: Path) -> None:
    source = Source(web=folder / "web", port=free_port())
    file = tmp_path / "timing.json"
    measures = crawl_pictures(source, folder / "held", tmp_path / "out", knobs(), tmp_path / "work", timing=file)
    found = read_json(file)
    assert (found["pictures"], found["taken"]) == (measures["pictures"]["attempted"], measures["pictures"][SUCCESS])
    assert len(found["parts"]) == measures["parts"]
    assert (
        0 < max(part["seconds"] for part in found["parts"]) <= found["seconds"] <= found["end"] - found["start"] + 1e-3
    )
    # One request for each picture, and one for each host's robots.txt.
    assert (found["requests"], found["retries"]) == (63 + 3, 0)
    web = read_index(tmp_path / "out").to_pylist()
    assert found["bytes"] == sum(_served(folder, row["url"]) for row in web)
    assert {host["host"]: host["failures"] for host in found["hosts"]["failing"]} == {
        f"{name}.localhost": {"near_copy_of_hold_out": 1} for name in "abc"
    }


def _served(folder: Path, url: str) -> int:
    name, _, path = url.removeprefix("http://").partition("/")
    with zipfile.ZipFile(folder / "web" / f"{name.partition('.')[0]}.zip") as archive:
        return archive.getinfo(path).file_size


@pytest.mark.usefixtures("ray_cluster")
def test_the_same_web_gives_the_same_bytes_however_many_connections_there_are(folder: Path, tmp_path: Path) -> None:
    port = free_port()
    first, second = (tmp_path / name for name in ("first", "second"))
    assert crawl(folder, first, port=port) == crawl(folder, second, port=port, connections=1, task_cpus=0.5)
    assert content(first / "out") == content(second / "out")


@pytest.mark.usefixtures("ray_cluster")
def test_a_web_without_pictures_is_an_error_with_the_counts(tmp_path: Path) -> None:
    site = Archive("bare.localhost")
    site.page("/index.html", '<img src="x.png"><a href="/private.html">x</a>')
    site.files["/robots.txt"] = b"User-agent: *\nDisallow: /private\n"
    site.write(tmp_path / "web")
    with pytest.raises(
        InputError, match=r"bare.localhost yielded no picture: .*'robots_txt': 1.*'no_text': 1.*start from other pages"
    ):
        crawl_pictures(
            Source(web=tmp_path / "web", port=free_port()), None, tmp_path / "out", knobs(), tmp_path / "work"
        )
    assert not (tmp_path / "out").exists()


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.parametrize(
    ("duplicates", "failed"), [("mark", {}), ("drop", {"duplicate_exact": 1, "duplicate_near": 1})]
)
def test_pictures_that_sites_copied_from_each_other_are_duplicates(
    duplicates: str, failed: dict[str, int], tmp_path: Path
) -> None:
    for n, name in enumerate("ab"):
        site = gallery(f"{name}.localhost", 3, seed=n)
        site.files["/same.png"] = encoded(drawing(500))
        site.files["/near.png"] = encoded(drawing(501, 200).resize([(200, 200), (120, 120)][n]))
        shown = sorted(path for path in site.files if not path.endswith(".html"))
        site.page("/index.html", "".join(f'<img src="{path}" alt="of {name}">' for path in shown))
        site.write(tmp_path / "web")
    source = Source(web=tmp_path / "web", port=free_port())
    measures = crawl_pictures(source, None, tmp_path / "out", knobs(duplicates=duplicates), tmp_path / "work")
    assert measures["duplicates"] == {"exact": 1, "near": 1}
    assert measures["pictures"]["failed"] == failed
    assert measures["pictures"]["success"] == 10 - sum(failed.values())
    rows = read_index(tmp_path / "out").to_pylist()
    paths = {row["key"]: row["url"].rpartition("/")[2] for row in rows}
    copies = [(paths[row["key"]], paths[row["duplicate_of"]]) for row in rows if row["duplicate_of"]]
    assert sorted(copies) == [("near.png", "near.png"), ("same.png", "same.png")]


@pytest.mark.usefixtures("ray_cluster")
def test_live_sites_are_crawled_from_their_start_addresses(folder: Path, tmp_path: Path) -> None:
    from components.crawl.local_web.web import serve

    port = free_port()
    with serve(folder / "web", port) as web:
        source = Source((f"http://b.localhost:{port}/more.html",))
        measures = crawl_pictures(source, None, tmp_path / "out", knobs(depth=0), tmp_path / "work")
    assert (measures["sites"], measures["pages"]["crawled"], measures["pictures"]["success"]) == (1, 1, 21)
    assert {host for host, _, _ in web.requests} == {"b.localhost"}


@pytest.mark.usefixtures("ray_cluster")
def test_archives_and_lists_are_crawled_together_with_sites(folder: Path, tmp_path: Path) -> None:
    from components.crawl.local_web.web import serve

    port = free_port()
    a, b, c = (f"http://{name}.localhost:{port}" for name in "abc")
    (tmp_path / "pages.warc.gz").write_bytes(
        gzipped([page(f"{a}/x.html", '<img src="/img/0.png" alt="a first"><img src="/img/gone.png" alt="gone">')])
        + b"\x1f\x8b\x08 damaged"
        + gzipped([page(f"{a}/y.html", '<img src="/img/3.png" alt="a second">')])
    )
    rows = [f"{b}/img/0.png,from a list", f"{a}/img/0.png,seen before", "nonsense", f"{b}/img/3.png,"]
    (tmp_path / "list.csv").write_text("\n".join(["url,caption", *rows]))
    files = (f"warc:{tmp_path}/*.warc.gz", f"urls:{tmp_path}/list.csv")
    with serve(folder / "web", port):
        source = Source((f"{c}/index.html",), files=files)
        measures = crawl_pictures(source, None, tmp_path / "out", knobs(depth=0), tmp_path / "work")
    assert measures["sites"] == 1
    assert measures["files"] == {"read": 2, "unreadable_records": 2}
    assert measures["pages"]["crawled"] == 3
    assert measures["pairs"]["dropped"] == {"duplicate_address": 1, "no_text": 1}
    assert measures["pictures"] == {"attempted": 24, "success": 23, "failed": {"http_404": 1}}
    captions = {row["url"].partition("//")[2]: row["caption"] for row in read_index(tmp_path / "out").to_pylist()}
    assert captions[f"a.localhost:{port}/img/3.png"] == "a second"
    assert captions[f"b.localhost:{port}/img/0.png"] == "from a list"


@pytest.mark.parametrize(
    ("source", "message"),
    [
        ("pages.warc.gz", "is no source; write KIND:LOCATION"),
        ("tar:pages.tar", "KIND one of img2dataset, urls, warc, wat"),
        ("warc:nowhere/*.warc.gz", "nowhere/.* matches no file"),
        ("urls:{folder}/list.txt", "list.txt is no list that can be read; its name must end in"),
    ],
)
def test_an_invalid_source_is_an_error_with_its_fix(source: str, message: str, tmp_path: Path) -> None:
    (tmp_path / "list.txt").touch()
    with pytest.raises(InputError, match=message):
        crawl_pictures(
            Source(files=(source.format(folder=tmp_path),)), None, tmp_path / "out", knobs(), tmp_path / "work"
        )


@pytest.mark.usefixtures("ray_cluster")
def test_too_many_unreadable_rows_stop_the_crawl(tmp_path: Path) -> None:
    (tmp_path / "list.jsonl").write_text("nonsense\n" * 60 + '{"url": "http://a.example/1.png", "text": "x"}\n' * 60)
    with pytest.raises(InputError, match=r"60 of 120 items failed.*\"unreadable\": 60.*section crawl"):
        crawl_pictures(
            Source(files=(f"urls:{tmp_path}/list.jsonl",)),
            None,
            tmp_path / "out",
            knobs(max_error_share=0.4),
            tmp_path / "work",
        )


def test_duplicates_cannot_be_dropped_from_a_bucket(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("url,caption\nhttp://a.example/x.png,a crab\n")
    source = Source(files=(f"urls:{tmp_path}/list.csv",))
    with pytest.raises(InputError, match=r"needs shards in a folder; write to one instead of s3://bucket/x/"):
        crawl_pictures(source, None, "s3://bucket/x", knobs(duplicates="drop"), tmp_path / "work")


def test_nothing_to_crawl_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--source.*--start.*--web"):
        crawl_pictures(Source(), None, tmp_path / "out", knobs(), tmp_path / "work")


def test_a_busy_port_is_an_error_that_names_it(folder: Path, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        with pytest.raises(SetupError, match=f"port {port} .* is busy"):
            crawl(folder, tmp_path, port=port)


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_a_crawl_that_is_killed_anywhere_resumes_to_the_same_result(folder: Path, tmp_path: Path) -> None:
    port = free_port()
    for name in ("whole", "killed"):
        (tmp_path / name).mkdir()
        for part in ("web", "held"):
            (tmp_path / name / part).symlink_to(folder / part)
    assert _run(tmp_path / "whole", port).wait() == 0
    chance = random.Random(3)
    kills = 0
    while not (tmp_path / "killed" / "measures.json").exists():
        process = _run(tmp_path / "killed", port)
        try:
            assert process.wait(timeout=chance.uniform(6, 14) + 5 * kills) == 0
        except TimeoutExpired:
            os.kill(process.pid, signal.SIGKILL)
            process.wait()
            kills += 1
    assert kills > 0
    assert content(tmp_path / "killed" / "out") == content(tmp_path / "whole" / "out")
    assert read_json(tmp_path / "killed" / "measures.json") == read_json(tmp_path / "whole" / "measures.json")


def _run(folder: Path, port: int) -> "Popen[bytes]":
    environment = {name: value for name, value in os.environ.items() if name != "RAY_ADDRESS"}
    command = [sys.executable, "-c", PROGRAM, str(folder), str(port)]
    return Popen(command, cwd=ROOT, env=environment, stdout=DEVNULL, stderr=DEVNULL)
