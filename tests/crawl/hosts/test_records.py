from collections import Counter

from components.crawl.hosts.records import HostRecord, HostRecords, failing, notable, slowest


def test_a_host_is_slow_by_its_mean_from_three_requests_on() -> None:
    hosts = {"quick": HostRecord(10, 1.0), "slow": HostRecord(3, 9.0), "rare": HostRecord(2, 99.0)}
    assert slowest(hosts) == ["slow", "quick"]


def test_hosts_without_failures_are_not_failing() -> None:
    hosts = {
        "a": HostRecord(failures=Counter(timeout=2)),
        "b": HostRecord(failures=Counter(http_404=3)),
        "c": HostRecord(9),
    }
    assert failing(hosts) == ["b", "a"]


def test_the_ten_slowest_and_the_ten_worst_hosts_are_notable() -> None:
    slow = {f"slow{n:02}": HostRecord(5, float(n)) for n in range(30)}
    bad = {f"bad{n:02}": HostRecord(1, failures=Counter(timeout=n)) for n in range(30)}
    assert set(notable(slow | bad)) == {f"{kind}{n}" for kind in ("slow", "bad") for n in range(20, 30)}


def test_many_hosts_are_summed_and_few_are_kept() -> None:
    records = HostRecords()
    for n in range(5000):
        records.close(f"{n}.example", HostRecord(4, 4.0 + n / 1000, 1))
    records.close("4999.example", HostRecord(4, 4.0, 0))  # active again later
    total, reported = records.summary({"4998.example": HostRecord(8, 80.0, 2), "open.example": HostRecord(4, 1000.0)})
    assert (total.requests, total.retries) == (5000 * 4 + 4 + 8 + 4, 5000 + 2)
    assert list(reported)[:2] == ["open.example", "4998.example"]
    assert reported["4998.example"].requests == 12
    assert len(reported) == 10


def test_a_summary_has_no_side_effects() -> None:
    records = HostRecords()
    records.close("a.example", HostRecord(4, 4.0, 1))
    open_hosts = {"a.example": HostRecord(3, 1.0)}
    assert records.summary(open_hosts) == records.summary(open_hosts)
