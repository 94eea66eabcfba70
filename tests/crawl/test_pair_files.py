from pathlib import Path

import pyarrow.parquet as pq
import pytest

from components.crawl import pair_files
from components.crawl.pair import Pair
from components.crawl.pair_files import read_pairs, write_pairs


def pairs(number: int, text: str) -> list[Pair]:
    return [Pair(f"http://h{n % 7}.example/{n}.png", text, position=n) for n in range(number)]


def test_long_texts_are_sorted_in_smaller_stretches(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_files, "_BATCH", 10)
    monkeypatch.setattr(pair_files, "_SORTED_BYTES", 50_000)
    assert write_pairs(tmp_path / "long", pairs(100, "crab " * 200)) == 100
    assert write_pairs(tmp_path / "short", pairs(100, "crab")) == 100
    assert pq.read_metadata(tmp_path / "short").num_row_groups == 1
    assert pq.read_metadata(tmp_path / "long").num_row_groups == 2


def test_pairs_of_a_host_stay_in_order(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pair_files, "_BATCH", 10)
    monkeypatch.setattr(pair_files, "_SORTED_BYTES", 50_000)
    found = pairs(100, "crab " * 200)
    write_pairs(tmp_path / "long", found)
    read = read_pairs(tmp_path / "long")
    assert sorted(read, key=lambda pair: pair.position) == found
    for host in range(7):
        positions = [pair.position for pair in read if f"//h{host}." in pair.url]
        assert positions == sorted(positions)
