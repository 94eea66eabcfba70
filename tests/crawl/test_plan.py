import random
from itertools import pairwise
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.crawl.pair import Pair
from components.crawl.pair_files import HASHES, count_pairs, host_hash, read_hosts, read_pairs, write_pairs
from components.crawl.plan import Plan, make_plan
from tests.crawl.conftest import knobs


def pair(url: str, page: str = "http://a.example/", position: int = 0) -> Pair:
    return Pair(url, f"seen on {page}", page_url=page, page_title="title", site="a.example", position=position)


@pytest.fixture
def files(tmp_path: Path) -> list[Path]:
    """Two sites; the second one repeats pictures of the first."""
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


def plan(files: list[Path], work: Path, **changes: int) -> Plan:
    return make_plan(files, knobs(**{"part_pairs": 3, "shard_size": 10} | changes), work)


def planned(made: Plan) -> list[Pair]:
    return [pair for part in made.parts for pair in read_pairs(part.pairs)]


def test_pairs_are_read_by_ranges_of_hosts(tmp_path: Path) -> None:
    pairs = [pair(f"http://{n % 40}.example/{n}.png", position=n) for n in range(1000)]
    assert write_pairs(tmp_path / "x.parquet", iter(pairs)) == count_pairs([tmp_path / "x.parquet"]) == 1000
    bounds = [HASHES * n // 4 for n in range(5)]
    found = [read_hosts([tmp_path / "x.parquet"], *ends).to_pylist() for ends in pairwise(bounds)]
    assert all(found)
    assert sorted(row["position"] for rows in found for row in rows) == list(range(1000))
    assert sorted(read_pairs(tmp_path / "x.parquet")) == sorted(pairs)
    assert all(bounds[2] <= host_hash(row["url"]) < bounds[3] for row in found[2])


@pytest.mark.parametrize(
    ("first", "number"), [(0, 10), (10, 10), (30, 10), (5, 10), (12, 3), (0, None), (33, None), (34, 5)]
)
def test_any_rows_of_a_file_are_read_whatever_its_row_groups(tmp_path: Path, first: int, number: int | None) -> None:
    pairs = [pair("http://a.example/x.png", position=n) for n in range(34)]
    write_pairs(tmp_path / "x.parquet", pairs)
    pq.write_table(pq.read_table(tmp_path / "x.parquet"), tmp_path / "y.parquet", row_group_size=10)
    end = None if number is None else first + number
    assert read_pairs(tmp_path / "y.parquet", first, number) == pairs[first:end]


def test_a_host_with_and_without_www_is_one() -> None:
    assert host_hash("http://www.a.example/x") == host_hash("https://a.example:8080/y")


def test_many_pairs_are_written_in_groups_of_few_hosts(tmp_path: Path) -> None:
    pairs = (Pair(f"http://{n % 997}.example/{n}.png", "x") for n in range(120_000))
    write_pairs(tmp_path / "x.parquet", pairs)
    metadata = pq.read_metadata(tmp_path / "x.parquet")
    column = metadata.schema.names.index("host_hash")
    ranges = [metadata.row_group(n).column(column).statistics for n in range(metadata.num_row_groups)]
    assert len(ranges) == 12
    assert max(r.max - r.min for r in ranges[:10]) < HASHES / 8


@pytest.mark.usefixtures("ray_cluster")
def test_every_picture_is_downloaded_once_with_the_text_of_its_first_page(files: list[Path], tmp_path: Path) -> None:
    made = plan(files, tmp_path)
    pairs = planned(made)
    assert len({p.url for p in pairs}) == len(pairs) == made.pictures == 7
    assert made.dropped == {"pairs.dropped.duplicate_address": 2}
    said = {p.url: p.page_url for p in pairs}
    assert said["http://img.example/1.png"] == "http://a.example/"
    assert said["http://img.example/4.png"] == "http://b.example/"


@pytest.mark.usefixtures("ray_cluster")
def test_texts_of_pages_take_precedence_over_texts_of_lists(tmp_path: Path) -> None:
    write_pairs(tmp_path / "0.parquet", [Pair("http://a.example/x.png", "of a list")])
    write_pairs(tmp_path / "1.parquet", [pair("http://a.example/x.png")])
    (kept,) = planned(plan([tmp_path / "0.parquet", tmp_path / "1.parquet"], tmp_path))
    assert kept.page_url


@pytest.mark.usefixtures("ray_cluster")
def test_texts_that_many_pictures_of_a_site_share_are_boilerplate(tmp_path: Path) -> None:
    pairs = [Pair(f"http://a.example/{n}.png", "Our logo", site="a.example", page_url="p") for n in range(6)]
    pairs += [Pair(f"http://a.example/x{n}.png", "A crab", site="a.example", page_url="p") for n in range(5)]
    pairs += [Pair(f"http://a.example/y{n}.png", "Our logo", site="b.example", page_url="q") for n in range(5)]
    pairs += [Pair(f"http://a.example/z{n}.png", "Of a list") for n in range(9)]
    write_pairs(tmp_path / "0.parquet", pairs)
    made = plan([tmp_path / "0.parquet"], tmp_path, max_repeats=5)
    assert made.dropped == {"pairs.dropped.boilerplate": 6}
    assert {p.caption for p in planned(made) if p.site == "a.example"} == {"A crab"}


@pytest.mark.usefixtures("ray_cluster")
def test_parts_have_shards_of_their_own_and_hosts_are_whole(tmp_path: Path) -> None:
    pairs = [pair(f"http://{n % 30}.example/{n}.png", f"http://{n}.example/") for n in range(300)]
    write_pairs(tmp_path / "0.parquet", pairs)
    made = plan([tmp_path / "0.parquet"], tmp_path, part_pairs=60, shard_size=40)
    hosts = [{host_hash(one.url) for one in read_pairs(part.pairs)} for part in made.parts]
    assert len(made.parts) == 5
    assert sum(map(len, hosts)) == len(set().union(*hosts)) == 30
    assert made.pictures == 300
    assert [part.shards for part in made.parts] == [-(-part.pictures // 40) for part in made.parts]
    assert [part.first_shard for part in made.parts] == [
        sum(p.shards for p in made.parts[:n]) for n in range(len(made.parts))
    ]


@pytest.mark.usefixtures("ray_cluster")
def test_the_order_of_files_and_pairs_does_not_matter(files: list[Path], tmp_path: Path) -> None:
    pairs = [pair for file in files for pair in read_pairs(file)]
    random.Random(1).shuffle(pairs)
    write_pairs(tmp_path / "2.parquet", pairs)
    forward, backward = plan(files, tmp_path / "a"), plan([tmp_path / "2.parquet"], tmp_path / "b")
    assert [p.pairs.read_bytes() for p in forward.parts] == [p.pairs.read_bytes() for p in backward.parts]


@pytest.mark.usefixtures("ray_cluster")
def test_hosts_are_spread_over_their_part(tmp_path: Path) -> None:
    pairs = [pair(f"http://{'big' if n % 10 else 'small'}.example/{n}.png", position=n) for n in range(1000)]
    write_pairs(tmp_path / "0.parquet", pairs)
    urls = [p.url for p in planned(plan([tmp_path / "0.parquet"], tmp_path, part_pairs=1000, max_repeats=1000))]
    assert len(urls) == 1000
    for quarter in range(4):
        assert 10 <= sum("small" in url for url in urls[250 * quarter : 250 * (quarter + 1)]) <= 40


@pytest.mark.usefixtures("ray_cluster")
def test_no_pairs_make_an_empty_plan(tmp_path: Path) -> None:
    write_pairs(tmp_path / "0.parquet", [])
    assert plan([tmp_path / "0.parquet"], tmp_path).parts == plan([], tmp_path / "none").parts == ()


@pytest.mark.usefixtures("ray_cluster")
def test_a_shard_can_be_read_without_the_rest_of_its_part(files: list[Path], tmp_path: Path) -> None:
    made = plan(files, tmp_path / "work", shard_size=2, part_pairs=100)
    metadata = pq.read_metadata(made.parts[0].pairs)
    assert [metadata.row_group(n).num_rows for n in range(metadata.num_row_groups)] == [2, 2, 2, 1]
