"""Figures of a crawl, counted from its shards."""

from pathlib import Path

import pytest

from components.report.crawl_figures import histogram, read_shards
from components.shards.format import picture_key
from components.shards.writer import Row, write_shard
from tests.evaluate.conftest import encoded, painted
from tests.report.conftest import HOSTILE, write_shards


def test_of_a_large_crawl_some_shards_are_looked_at_spread_evenly(tmp_path: Path) -> None:
    write_shards(tmp_path / "data", shards=6)
    found = read_shards(tmp_path / "data" / "crawl", pictures=16)
    assert found is not None
    assert (found.read, found.total, found.taken) == (2, 6, 12)
    assert set(found.texts) == {HOSTILE} | {f"picture {n} of {shard}" for shard in (0, 3) for n in range(1, 6)}


@pytest.mark.parametrize(
    ("url", "site"),
    [("http://[", ""), ("http://[8:1]/0.png", ""), ("", ""), ("no url", ""), ("http://[::1]:80/0.png", "::1"),
     ("http://A.example/0.png", "a.example")],
)  # fmt: skip
def test_a_picture_of_another_s_shard_counts_for_the_host_of_its_url_if_it_has_one(
    tmp_path: Path, url: str, site: str
) -> None:
    record = {"key": picture_key(0, 0), "url": url, "status": "success", "width": 64, "height": 64}
    write_shard(tmp_path / "crawl", 0, [Row(record, encoded(painted(0)), "png")])
    found = read_shards(tmp_path / "crawl")
    assert found is not None
    assert {host: count.taken for host, count in found.sites.items()} == {site: 1}


def test_bins_double_in_two_steps_and_hold_their_lower_edge() -> None:
    found = histogram([64, 95, 96, 127, 200, 0])
    assert found is not None
    assert found.edges == (64, 96, 128, 192, 256)
    assert found.counts == (2, 2, 0, 1)
    small = histogram([0.3, 5], halves=False)
    assert small is not None
    assert (small.edges, small.counts) == ((0.25, 0.5, 1, 2, 4, 8), (1, 0, 0, 0, 1))
    assert histogram([0]) is None
