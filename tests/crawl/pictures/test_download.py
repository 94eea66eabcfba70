from collections.abc import Iterator
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.crawl.local_web.web import Web, serve
from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs, write_pairs
from components.crawl.parameters import CrawlParameters
from components.crawl.pictures.download import download
from components.crawl.pictures.hold_out import build_hold_out
from components.crawl.pictures.job import DownloadJob
from components.crawl.pictures.picture_row import NEAR_COPY
from components.crawl.pictures.timing import read_timing
from components.crawl.plan import Plan, make_plan
from components.errors import InputError
from components.shards.format import FAILED_TO_DOWNLOAD, FAILED_TO_RESIZE, SUCCESS
from components.shards.index import read_index
from components.shards.reader import read_shard
from components.storage.json_files import read_json
from tests.crawl.conftest import Archive, drawing, encoded, knobs
from tests.ports import free_port

pytestmark = pytest.mark.usefixtures("ray_cluster")

HOSTS = ("a.localhost", "b.localhost")


@pytest.fixture
def port() -> int:
    return free_port()


@pytest.fixture
def served(tmp_path: Path, port: int) -> Iterator[Web]:
    """Two hosts; the first one has all kinds of bad pictures."""
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
    with serve(tmp_path / "web", port) as found:
        yield found


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
    return make_plan([folder / "pairs.parquet"], knobs(shard_size=size, part_pairs=100), folder / "plan")


def job(folder: Path, parameters: CrawlParameters | None = None, hold_out: Path | None = None) -> DownloadJob:
    return DownloadJob(parameters or knobs(shard_size=4), folder / "shards", hold_out)


def test_every_picture_has_a_row_with_its_outcome(served: Web, port: int, tmp_path: Path) -> None:
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
    assert not [path for host, path, _ in served.requests if path.startswith("/private/")]


def test_shards_hold_what_was_served_in_the_order_of_the_plan(served: Web, port: int, tmp_path: Path) -> None:
    planned = plan(port, tmp_path)
    download(planned, job(tmp_path), tmp_path)
    index = read_index(tmp_path / "shards").to_pylist()
    assert [row["url"] for row in index] == [pair.url for part in planned.parts for pair in read_pairs(part.pairs)]
    assert [row["key"] for row in index] == [f"{n // 4:05d}{n % 4:04d}" for n in range(13)]
    stored = [picture for n in range(4) for picture in read_shard(tmp_path / "shards" / f"0000{n}.tar")]
    assert [picture.key for picture in stored] == [row["key"] for row in index if row["status"] == SUCCESS]
    images = {picture.record["url"].rpartition("/")[2]: picture for picture in stored}
    assert images["1.webp"].image == served.sites["b.localhost"].files["/1.webp"]
    assert (images["wide.gif"].extension, images["wide.gif"].caption) == ("png", "wide.gif of a.localhost")


def test_statistics_count_the_reasons(served: Web, port: int, tmp_path: Path) -> None:
    assert served
    download(plan(port, tmp_path, size=20), job(tmp_path, knobs(shard_size=20)), tmp_path)
    found = read_json(tmp_path / "shards" / "00000_stats.json")
    assert {name: number for name, number in found.items() if name != "status_dict"} == {
        "count": 13,
        "successes": 7,
        "failed_to_download": 3,
        "failed_to_resize": 3,
    }
    assert found["status_dict"]["http_404"] == found["status_dict"]["too_small"] == 1


def test_finished_shards_of_an_unfinished_part_are_kept(served: Web, port: int, tmp_path: Path) -> None:
    planned = plan(port, tmp_path)
    whole = download(planned, job(tmp_path), tmp_path / "first")
    before = {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()}
    for ending in (".tar", ".parquet", "_stats.json"):
        (tmp_path / "shards" / f"00001{ending}").unlink()
    served.requests.clear()
    assert download(planned, job(tmp_path), tmp_path / "second") == whole
    assert {path.name: path.read_bytes() for path in (tmp_path / "shards").iterdir()} == before
    wanted = {f"/{pair.url.split('/', 3)[3]}" for pair in read_pairs(planned.parts[0].pairs, 4, 4)}
    requests = {path for _, path, _ in served.requests}
    assert requests - {"/robots.txt"} == wanted - {"/private/1.png"}


def test_timing_excludes_pictures_of_an_earlier_run(served: Web, port: int, tmp_path: Path) -> None:
    planned = plan(port, tmp_path)
    whole = download(planned, job(tmp_path), tmp_path / "first").total()
    (tmp_path / "shards" / "00001_stats.json").unlink()
    served.requests.clear()
    download(planned, job(tmp_path), tmp_path / "second")
    found = read_timing(job(tmp_path).progress)
    assert found is not None
    assert (found["pictures"], found["kept"]) == (4, whole - 4)
    assert found["requests"] == len(served.requests)
    # Nothing is left to do for a third, so the times are still those of the second.
    download(planned, job(tmp_path), tmp_path / "third")
    assert read_timing(job(tmp_path).progress) == found


def test_too_many_errors_stop_the_stage_with_their_reasons(tmp_path: Path) -> None:
    port = free_port()  # nobody listens
    pairs = [
        Pair(
            f"http://a.localhost:{port}/{n}.png", f"{n}", page_url="http://a.localhost/", site="a.localhost", position=n
        )
        for n in range(120)
    ]
    write_pairs(tmp_path / "pairs.parquet", pairs)
    planned = make_plan([tmp_path / "pairs.parquet"], knobs(shard_size=200, part_pairs=1000), tmp_path / "plan")
    with pytest.raises(InputError, match=r'120 of 120 items failed.*"robots_txt_unreachable": 120'):
        download(planned, job(tmp_path, knobs(retries=0, max_error_share=0.2, shard_size=200)), tmp_path)


def test_only_successes_have_hashes(served: Web, port: int, tmp_path: Path) -> None:
    assert served
    download(plan(port, tmp_path, size=20), job(tmp_path, knobs(shard_size=20)), tmp_path)
    for row in pq.read_table(tmp_path / "shards" / "00000.parquet").to_pylist():
        assert (row["phash"] is None) == (row["sha256"] is None) == (row["status"] != SUCCESS)


def test_a_shard_that_cannot_be_moved_raises_the_original_error(served: Web, port: int, tmp_path: Path) -> None:
    assert served
    planned = plan(port, tmp_path, size=20)
    made = job(tmp_path, knobs(shard_size=20))
    made.shards.mkdir()
    (made.shards / "00000.tar").mkdir()
    with pytest.raises(IsADirectoryError, match=r"00000\.tar"):
        download(planned, made, tmp_path / "work")
