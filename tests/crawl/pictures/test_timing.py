from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from components.crawl.pictures.timing import HostBook, HostRecord, busy, failing, notable, read_timing, slowest
from components.storage.json_files import write_json


def part(start: float, end: float, kept: int = 0, **more: Any) -> dict[str, Any]:
    record = {"outcomes": {"success": 10}, "bytes": 100, "requests": 12, "retries": 1, "hosts": {}, "kept": kept}
    return record | {"start": start, "end": end, "seconds": end - start} | more


@pytest.mark.parametrize(
    ("spans", "seconds"),
    [
        ([], 0),
        ([(0, 2), (5, 6)], 3),  # killed, and gone on with later
        ([(0, 4), (1, 2), (3, 6)], 6),  # side by side
    ],
)
def test_time_counts_once_however_many_parts_are_under_way(spans: list[tuple[float, float]], seconds: float) -> None:
    assert busy(spans) == seconds


def test_a_host_is_slow_by_its_mean_from_three_requests_on() -> None:
    hosts = {"quick": HostRecord(10, 1.0), "slow": HostRecord(3, 9.0), "rare": HostRecord(2, 99.0)}
    assert slowest(hosts) == ["slow", "quick"]


def test_hosts_that_lost_nothing_do_not_fail() -> None:
    hosts = {
        "a": HostRecord(failures=Counter(timeout=2)),
        "b": HostRecord(failures=Counter(http_404=3)),
        "c": HostRecord(9),
    }
    assert failing(hosts) == ["b", "a"]


def test_ten_of_the_slowest_and_ten_of_the_worst_are_told_of() -> None:
    slow = {f"slow{n:02}": HostRecord(5, float(n)) for n in range(30)}
    bad = {f"bad{n:02}": HostRecord(1, failures=Counter(timeout=n)) for n in range(30)}
    assert set(notable(slow | bad)) == {f"{kind}{n}" for kind in ("slow", "bad") for n in range(20, 30)}


def test_of_very_many_hosts_all_are_summed_and_few_are_remembered() -> None:
    book = HostBook()
    for n in range(5000):
        book.close(f"{n}.example", HostRecord(4, 4.0 + n / 1000, 1))
    book.close("4999.example", HostRecord(4, 4.0, 0))  # asked again later
    total, told = book.summary({"4998.example": HostRecord(8, 80.0, 2), "open.example": HostRecord(4, 1000.0)})
    assert (total.requests, total.retries) == (5000 * 4 + 4 + 8 + 4, 5000 + 2)
    assert list(told)[:2] == ["open.example", "4998.example"]
    assert told["4998.example"].requests == 12
    assert len(told) == 10


def test_a_summary_changes_nothing() -> None:
    book = HostBook()
    book.close("a.example", HostRecord(4, 4.0, 1))
    still = {"a.example": HostRecord(3, 1.0)}
    assert book.summary(still) == book.summary(still)


def test_parts_make_one_record_of_the_crawl(tmp_path: Path) -> None:
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


def test_no_part_has_no_times(tmp_path: Path) -> None:
    assert read_timing(tmp_path / "absent") is None
