"""Figures of a crawl, counted from its shards."""

from pathlib import Path

from components.report.crawl_figures import histogram, read_shards
from tests.report.conftest import HOSTILE, write_shards


def test_of_a_large_crawl_some_shards_are_looked_at_spread_evenly(tmp_path: Path) -> None:
    write_shards(tmp_path / "data", shards=6)
    found = read_shards(tmp_path / "data" / "crawl", pictures=16)
    assert found is not None
    assert (found.read, found.total, found.taken) == (2, 6, 12)
    assert set(found.texts) == {HOSTILE} | {f"picture {n} of {shard}" for shard in (0, 3) for n in range(1, 6)}


def test_bins_double_in_two_steps_and_hold_their_lower_edge() -> None:
    found = histogram([64, 95, 96, 127, 200, 0])
    assert found is not None
    assert found.edges == (64, 96, 128, 192, 256)
    assert found.counts == (2, 2, 0, 1)
    small = histogram([0.3, 5], halves=False)
    assert small is not None
    assert (small.edges, small.counts) == ((0.25, 0.5, 1, 2, 4, 8), (1, 0, 0, 0, 1))
    assert histogram([0]) is None
