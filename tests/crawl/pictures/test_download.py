from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.crawl.pair import Pair
from components.crawl.pair_files import write_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.download import NEAR_COPY, DownloadJob, download
from components.crawl.pictures.hold_out import build_hold_out
from components.crawl.plan import Plan, make_plan
from components.errors import InputError
from components.shards import FAILED_TO_DOWNLOAD, FAILED_TO_RESIZE, SUCCESS, read_index, read_shard
from components.stage import read_json
from samples.server import Web, serve
from tests.crawl.conftest import Archive, drawing, encoded, free_port, knobs

pytestmark = pytest.mark.usefixtures("ray_cluster")

HOSTS = ("a.localhost", "b.localhost")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def web(tmp_path: Path, port: int) -> Iterator[Web]:
    """Two hosts; the first has what goes wrong with pictures."""
    first, second = Archive(HOSTS[0]), Archive(HOSTS[1])
    for n in range(3):
        first.files[f"/{n}.png"] = encoded(drawing(n))
        second.files[f"/{n}.webp"] = encoded(drawing(10 + n), "WEBP")
    first.files["/half.jpg"] = encoded(drawing(1), "JPEG")[:900]
    first.files["/page.png"] = b"<!doctype html><p>Please log in."
    first.files["/small.png"] = encoded(drawing(1).resize((16, 16)))
    first.files["/wide.gif"] = encoded(drawing(5), "GIF")
    first.files["/robots.txt"] = b"User-agent: *\nDisallow: /private/\n"
    first.files["/private/1.png"] = first.files["/1.png"]
    first.files["/held.jpg"] = encoded(drawing(77, 128).crop((2, 2, 128, 128)), "JPEG", quality=90)
    first.answer("/2.png", X_Robots_Tag="noimageai")
    for site in (first, second):
        site.write(tmp_path / "web")
    with serve(tmp_path / "web", port) as served:
        yield served


NAMES = (
    "0.png",
    "1.png",
    "2.png",
    "gone.png",
    "half.jpg",
    "held.jpg",
    "page.png",
    "private/1.png",
    "small.png",
    "wide.gif",
)


def plan(port: int, folder: Path, size: int = 4) -> Plan:
    pairs = [
        Pair(
            f"http://{host}:{port}/{name}",
            f"{name} of {host}",
            "seen",
            page_url=f"http://{host}:{port}/",
            page_title="title",
            site=host,
            position=position,
        )
        for host, names in zip(HOSTS, (NAMES, ("0.webp", "1.webp", "2.webp")), strict=True)
        for position, name in enumerate(names)
    ]
    folder.mkdir(exist_ok=True)
    write_pairs(folder / "pairs.parquet", pairs)
    return make_plan([folder / "pairs.parquet"], size, folder)


def job(folder: Path, parameters: CrawlParameters | None = None, hold_out: Path | None = None) -> DownloadJob:
    return DownloadJob(parameters or knobs(shard_size=4), folder / "shards", hold_out)


def test_every_picture_has_a_row_with_its_outcome(web: Web, port: int, tmp_path: Path) -> None:
    (tmp_path / "held").mkdir()
    (tmp_path / "held" / "x.png").write_bytes(encoded(drawing(77, 128)))
    hold_out = build_hold_out(tmp_path / "held", tmp_path / "hold_out")
    work = tmp_path / "work"
    counts = download(plan(port, work), job(work, hold_out=hold_out), work)
    rows = {row["url"].partition("/")[2].split("/", 2)[-1]: row for row in read_index(work / "shards").to_pylist()}
    said = {name: (row["status"], row["error_message"]) for name, row in rows.items()}
    assert said == {
        "0.png": (SUCCESS, None),
        "1.png": (SUCCESS, None),
        "2.png": (FAILED_TO_DOWNLOAD, "noimageai"),
        "gone.png": (FAILED_TO_DOWNLOAD, "http_404"),
        "half.jpg": (FAILED_TO_RESIZE, "undecodable"),
        "held.jpg": (FAILED_TO_RESIZE, NEAR_COPY),
        "page.png": (FAILED_TO_RESIZE, "not_a_picture"),
        "private/1.png": (FAILED_TO_DOWNLOAD, "robots_txt"),
        "small.png": (FAILED_TO_RESIZE, "too_small"),
        "wide.gif": (SUCCESS, None),
        "0.webp": (SUCCESS, None),
        "1.webp": (SUCCESS, None),
        "2.webp": (SUCCESS, None),
    }
    assert counts.total() == 13
    assert counts[SUCCESS] == 6
    assert (rows["0.png"]["width"], rows["0.png"]["site"], rows["0.png"]["caption"]) == (
        96,
        "a.localhost",
        "0.png of a.localhost",
    )
    assert (rows["small.png"]["width"], rows["small.png"]["original_width"]) == (None, 16)
    assert not [path for host, path, _ in web.asked if path.startswith("/private/")]


def test_shards_are_the_hosts_own_and_hold_what_was_served(web: Web, port: int, tmp_path: Path) -> None:
    download(plan(port, tmp_path), job(tmp_path), tmp_path)
    keys = [[picture.key for picture in read_shard(tmp_path / "shards" / f"0000{n}.tar")] for n in range(4)]
    assert keys == [["000000000", "000000001"], ["000010001"], ["000020001"], ["000030000", "000030001", "000030002"]]
    stored = {picture.record["url"]: picture for picture in read_shard(tmp_path / "shards" / "00003.tar")}
    assert stored[f"http://b.localhost:{port}/1.webp"].image == web.sites["b.localhost"].files["/1.webp"]
    (converted,) = read_shard(tmp_path / "shards" / "00002.tar")
    assert (converted.extension, converted.caption) == ("png", "wide.gif of a.localhost")


def test_statistics_count_the_reasons(web: Web, port: int, tmp_path: Path) -> None:
    assert web
    download(plan(port, tmp_path), job(tmp_path), tmp_path)
    assert read_json(tmp_path / "shards" / "00000_stats.json") == {
        "count": 4,
        "successes": 2,
        "failed_to_download": 2,
        "failed_to_resize": 0,
        "status_dict": {"success": 2, "noimageai": 1, "http_404": 1},
    }


def test_finished_shards_of_an_unfinished_host_are_kept(web: Web, port: int, tmp_path: Path) -> None:
    planned = plan(port, tmp_path)
    whole = download(planned, job(tmp_path), tmp_path / "first")
    before = {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    for ending in (".tar", ".parquet", "_stats.json"):
        (tmp_path / "shards" / f"00001{ending}").unlink()
    web.asked.clear()
    assert download(planned, job(tmp_path), tmp_path / "second") == whole
    assert {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()} == before
    assert {path for _, path, _ in web.asked} == {"/robots.txt", "/half.jpg", "/held.jpg", "/page.png"}


def test_too_many_errors_stop_the_stage_with_their_reasons(tmp_path: Path) -> None:
    port = free_port()  # nobody listens
    pairs = [
        Pair(f"http://a.localhost:{port}/{n}.png", "x", page_url="http://a.localhost/", site="a.localhost", position=n)
        for n in range(120)
    ]
    write_pairs(tmp_path / "pairs.parquet", pairs)
    planned = make_plan([tmp_path / "pairs.parquet"], 200, tmp_path)
    with pytest.raises(InputError, match=r'120 of 120 items failed.*"robots_txt_unreachable": 120'):
        download(planned, job(tmp_path, knobs(retries=0, max_error_share=0.2, shard_size=200)), tmp_path)


def test_failures_have_no_hash_and_successes_have(web: Web, port: int, tmp_path: Path) -> None:
    assert web
    download(plan(port, tmp_path, size=20), job(tmp_path, knobs(shard_size=20)), tmp_path)
    for row in pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist():
        assert (row["phash"] is None) == (row["sha256"] is None) == (row["status"] != SUCCESS)
