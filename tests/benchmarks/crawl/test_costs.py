"""Crawl costs from simple rates."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

from benchmarks.crawl.costs import PAIRS, Rates, costs, measured, pace
from components.storage.json_files import write_json
from tests import ROOT

RATES = Rates(
    wat_records=1000,
    warc_pages=100,
    pictures=50,
    pairs_per_record=4,
    pairs_per_page=8,
    kept=0.5,
    taken=0.8,
    record_bytes=2000,
    page_bytes=30_000,
    served_bytes=100_000,
    stored_bytes=10_000,
    pair_bytes=200,
)


def test_losses_add_to_what_is_read_and_requested() -> None:
    found = costs(7_200_000, RATES)
    assert found.asked == 9_000_000  # 0.8 of them are taken
    assert found.records == 9_000_000 / 0.5 / 4
    assert found.read_bytes == 4_500_000 * 2000
    assert found.read_core_hours == 4_500_000 / 1000 / 3600
    assert found.download_core_hours == 9_000_000 / 50 / 3600
    assert found.core_hours == 1.25 + 50
    assert found.served_bytes == 7_200_000 * 100_000
    assert found.stored_bytes == 7_200_000 * 10_000 + 9_000_000 * 200


def test_pages_of_warcs_have_rates_of_their_own() -> None:
    found = costs(7_200_000, RATES, warc=True)
    assert (found.records, found.read_core_hours) == (18_000_000 / 8, 2_250_000 / 100 / 3600)


def test_cores_share_the_hours_and_need_bandwidth_and_hosts() -> None:
    found = pace(costs(7_200_000, RATES), RATES, cores=10, delay=2.0)
    assert found.hours == 51.25 / 10
    assert found.hosts == 50 * 10 * 2.0
    assert found.largest_host == 9_000_000 / (50 * 10) / 2.0
    # 400 of the 500 pictures requested per second are served.
    assert found.gigabits == pytest.approx(400 * 100_000 * 8 / 1e9)


def test_without_a_pause_no_host_is_too_large() -> None:
    assert pace(costs(1000, RATES), RATES, cores=1, delay=0).largest_host == float("inf")


@pytest.mark.parametrize(("name", "value"), [("kept", 1.5), ("taken", 0), ("pictures", -1), ("pairs_per_record", 0)])
def test_an_invalid_rate_is_named(name: str, value: float) -> None:
    with pytest.raises(ValueError, match=f"{name} is {value}"):
        Rates(**{name: value})


def test_rates_of_earlier_benchmarks_are_used(tmp_path: Path) -> None:
    write_json(
        tmp_path / "records.json", {"cpus": 4, "of": "a WAT", "medians": {"ours": 9000, "ours, two processes": 1}}
    )
    write_json(tmp_path / "pictures.json", {"cpus": 4, "of": "pictures", "medians": {"ours": 320, "peer": 200}})
    assert measured(tmp_path) == {"wat_records": 9000, "pictures": 80}
    assert measured(tmp_path / "absent") == {}


def test_the_command_prints_a_table_and_the_same_as_json() -> None:
    command = [sys.executable, "-m", "benchmarks.crawl.costs", "--pictures", "100", "--taken", "1", "--cores", "8"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=True)
    assert "8 cores: hours" in done.stdout
    printed = json.loads(done.stdout.splitlines()[-1])
    assert [cost["pairs"] for cost in printed["costs"]] == list(PAIRS)
    assert printed["costs"][0]["download_core_hours"] == pytest.approx(1_000_000 / 100 / 3600)


def test_the_command_names_an_impossible_share() -> None:
    command = [sys.executable, "-m", "benchmarks.crawl.costs", "--kept", "2"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert "kept is 2.0" in done.stderr
