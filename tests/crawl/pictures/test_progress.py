import logging
from collections import Counter
from pathlib import Path

import pytest

from components.crawl.hosts.records import HostRecord
from components.crawl.pictures.progress import DownloadStats, log_progress, progress_line, read_stats, write_stats
from components.crawl.pictures.timing import Clock
from components.shards.format import SUCCESS

Hosts = tuple[HostRecord, dict[str, HostRecord]]


def stats(taken: int, size: int = 0, hosts: dict[str, float] | None = None, **losses: int) -> DownloadStats:
    return DownloadStats(Counter({SUCCESS: taken} | losses), size, hosts or {})


def hosts(**answered: tuple[int, float]) -> Hosts:
    return HostRecord(), {f"{name}.example": HostRecord(*figures) for name, figures in answered.items()}


def test_a_progress_line_has_the_recent_rate_and_the_most_frequent_failures() -> None:
    now = stats(90, 5_000_000, {"a.example": 2.25, "b.example": 0.5}, http_404=6, timeout=4)
    assert progress_line(now, stats(40, 1_000_000), 1000, 2.0) == (
        "100 of 1,000 pictures, 30/s, 2.0 MB/s, 90.0% taken; lost to http_404 6, timeout 4; "
        "slowest hosts a.example 2.2 s, b.example 0.5 s"
    )
    assert progress_line(stats(10), stats(0), 10, 1.0) == "10 of 10 pictures, 10/s, 0.0 MB/s, 100.0% taken"


def test_parts_are_added_up(tmp_path: Path) -> None:
    clock = Clock.now(kept=0)
    write_stats(tmp_path, 0, stats(5, 100), clock, hosts(a=(4, 8.0), rare=(1, 99.0)))
    write_stats(tmp_path, 7, stats(5, 50, timeout=1), clock, hosts(b=(10, 1.0)))
    write_stats(tmp_path, 7, stats(6, 70, timeout=1), clock, hosts(b=(10, 2.0)))
    assert read_stats(tmp_path) == stats(11, 170, {"a.example": 2.0, "b.example": 0.2}, timeout=1)


def test_progress_is_logged_once_at_the_end(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO), log_progress(tmp_path / "progress", 10, every=60):
        write_stats(tmp_path / "progress", 0, stats(10), Clock.now(kept=0), hosts())
    (record,) = caplog.records
    assert record.getMessage().startswith("crawl: 10 of 10 pictures, ")
