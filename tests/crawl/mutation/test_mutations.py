"""Thousands of damaged inputs cause no crash, no hang, and only known reasons."""

import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from tests import ROOT

_MOST_BYTES = 800e6  # half of it is what the readers load


def run(kind: str, number: int, folder: Path) -> Counter[str]:
    """Outcomes of the first inputs of a kind, read in a separate process."""
    place = folder / "place"
    command = [sys.executable, "-m", "tests.crawl.mutation.run", kind, "0", str(number), str(place)]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip()[-3000:]
        pytest.fail(f"{kind}: input {int(place.read_text())} ended the process with {done.returncode}:\n{said}")
    found = json.loads(done.stdout)
    assert found["peak"] < _MOST_BYTES, f"{kind}: {found['peak'] / 1e6:.0f} MB"
    return Counter(found["outcomes"])


# The first ones in every run, and all of them with the slow tests.
NUMBERS = [3_000, pytest.param(10_000, marks=pytest.mark.slow)]


@pytest.mark.parametrize("number", NUMBERS)
def test_damaged_pages_give_pairs_or_none(number: int, tmp_path: Path) -> None:
    found = run("pages", number, tmp_path)
    assert found.total() == number
    assert all(found[outcome] > number // 100 for outcome in ("pairs", "no pairs", "noindex", "noimageai"))


@pytest.mark.parametrize("number", NUMBERS)
def test_damaged_pictures_are_decoded_completely_or_rejected(number: int, tmp_path: Path) -> None:
    found = run("pictures", number, tmp_path)
    assert found.total() == number
    outcomes = ("success", "undecodable", "not_a_picture", "too_many_pixels", "too_small")
    assert all(found[outcome] > number // 100 for outcome in outcomes)


def test_damaged_archives_and_lists_are_read_as_far_as_they_can_be(tmp_path: Path) -> None:
    found = run("archives", 1200, tmp_path)
    kinds = [name for name in found if ":" not in name]
    assert len(kinds) == 12
    for kind in kinds:
        assert found[kind] == 100
        assert found[f"{kind}: pairs"] > 0
        assert found[f"{kind}: unreadable"] > 0


def test_damaged_rules_allow_or_refuse(tmp_path: Path) -> None:
    found = run("rules", 300, tmp_path)
    assert found.total() == 300
    assert all(found[outcome] > 50 for outcome in ("allowed", "refused"))
