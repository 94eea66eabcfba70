from pathlib import Path

import pytest

from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs, write_pairs
from components.crawl.plan import make_plan


def pair(url: str, page: str = "http://a.example/", position: int = 0) -> Pair:
    return Pair(url, f"seen on {page}", page_url=page, page_title="title", site="a.example", position=position)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two sites, of which the second shows pictures of the first again."""
    first = [pair(f"http://img.example/{n}.png", "http://b.example/", n) for n in range(5)]
    second = [
        pair("http://img.example/1.png", "http://a.example/", 7),
        pair("http://a.example/x.png", "http://a.example/", 3),
        pair("http://img.example/4.png", "http://c.example/", 0),
        pair("http://www.img.example/9.png", "http://c.example/", 1),
    ]
    write_pairs(tmp_path / "0.parquet", reversed(first))
    write_pairs(tmp_path / "1.parquet", second)
    return [tmp_path / "0.parquet", tmp_path / "1.parquet"]


def test_pairs_are_written_by_page_and_position(files: list[Path]) -> None:
    assert [p.position for p in read_pairs(files[0])] == [0, 1, 2, 3, 4]
    assert [p.url for p in read_pairs(files[0], 3, 10)] == ["http://img.example/3.png", "http://img.example/4.png"]


def test_every_picture_is_downloaded_once_with_the_words_of_its_first_page(files: list[Path], tmp_path: Path) -> None:
    plan = make_plan(files, 10, tmp_path)
    pairs = [p for host in plan.hosts for p in read_pairs(host.pairs)]
    assert len({p.url for p in pairs}) == len(pairs) == plan.pictures == 7
    assert plan.duplicates == 2
    said = {p.url: p.page_url for p in pairs}
    assert said["http://img.example/1.png"] == "http://a.example/"
    assert said["http://img.example/4.png"] == "http://b.example/"


def test_a_host_is_one_share_with_shard_numbers_of_its_own(files: list[Path], tmp_path: Path) -> None:
    plan = make_plan(files, 4, tmp_path)
    assert [(h.host, h.pictures, h.first_shard, h.shards) for h in plan.hosts] == [
        ("a.example", 1, 0, 1),
        ("img.example", 6, 1, 2),
    ]
    assert plan.shards == 3


def test_the_order_of_the_files_does_not_matter(files: list[Path], tmp_path: Path) -> None:
    forward, backward = make_plan(files, 4, tmp_path / "a"), make_plan(files[::-1], 4, tmp_path / "b")
    assert [h.pairs.read_bytes() for h in forward.hosts] == [h.pairs.read_bytes() for h in backward.hosts]


def test_no_pairs_make_an_empty_plan(tmp_path: Path) -> None:
    write_pairs(tmp_path / "0.parquet", [])
    assert make_plan([tmp_path / "0.parquet"], 4, tmp_path).hosts == ()
