from pathlib import Path
from typing import Any

import pytest

from components.crawl.pictures.timing import busy, read_timing
from components.storage.json_files import write_json


def part(start: float, end: float, kept: int = 0, **more: Any) -> dict[str, Any]:
    record = {"outcomes": {"success": 10}, "bytes": 100, "requests": 12, "retries": 1, "hosts": {}, "kept": kept}
    return record | {"start": start, "end": end, "seconds": end - start} | more


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(0, 2), (5, 6)], 3),  # killed, and resumed later
        ([(0, 4), (1, 2), (3, 6)], 6),  # side by side
    ],
)
def test_overlapping_parts_count_once(spans: list[tuple[float, float]], seconds: float) -> None:
    assert busy(spans) == seconds


def test_the_timing_of_parts_is_summed_over_the_crawl(tmp_path: Path) -> None:
    slow = {"requests": 4, "seconds": 20.0, "retries": 2, "failures": {}}
    bad = {"requests": 1, "seconds": 1.0, "retries": 0, "failures": {"http_404": 7}}
    write_json(tmp_path / "00000.json", part(100, 110, hosts={"slow.example": slow}))
    write_json(
        tmp_path / "00004.json",
        part(105, 112, kept=4, outcomes={"success": 6, "timeout": 1}, hosts={"bad.example": bad}),
    )
    found = read_timing(tmp_path)
    assert found is not None
    assert [row["first_shard"] for row in found.pop("parts")] == [0, 4]
    assert found.pop("hosts") == {
        "slowest": [{"host": "slow.example", **slow}],
        "failing": [{"host": "bad.example", **bad}],
    }
    assert found == {
        "start": 100, "end": 112, "seconds": 12, "pictures": 13, "taken": 16, "kept": 4, "bytes": 200, "requests": 24, "retries": 2,
    }  # fmt: skip


def test_without_parts_there_is_no_timing(tmp_path: Path) -> None:
    assert read_timing(tmp_path / "absent") is None
