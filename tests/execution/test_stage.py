"""What every stage leaves: measures that are data, and the seconds apart from them."""

import json
from pathlib import Path

import pytest

from components.errors import InputError
from components.execution.stage import stage
from components.storage.json_files import read_json, write_json


def test_measures_and_seconds_go_to_two_files(tmp_path: Path) -> None:
    with stage("label", tmp_path) as measures:
        measures.update(pictures=3)
    assert read_json(tmp_path / "label.json") == {"pictures": 3}
    assert set(read_json(tmp_path / "seconds" / "label.json")) == {"seconds"}


def test_a_stage_that_fails_writes_nothing(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), stage("label", tmp_path) as measures:
        measures.update(pictures=1 // 0)
    assert not list(tmp_path.rglob("*.json"))


def test_equal_content_gives_equal_bytes_whatever_the_order_of_its_keys(tmp_path: Path) -> None:
    write_json(tmp_path / "a.json", {"x": 1, "ä": {"c": 2, "b": None}})
    write_json(tmp_path / "b.json", {"ä": {"b": None, "c": 2}, "x": 1})
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    assert "ä" in (tmp_path / "a.json").read_text(encoding="utf-8")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["a.json", "b.json"]


@pytest.mark.parametrize(("value", "error"), [(object(), TypeError), (float("nan"), ValueError)])
def test_what_json_cannot_hold_leaves_the_old_file(tmp_path: Path, value: object, error: type[Exception]) -> None:
    write_json(tmp_path / "a.json", {"x": 1})
    with pytest.raises(error):
        write_json(tmp_path / "a.json", {"x": value})
    assert read_json(tmp_path / "a.json") == {"x": 1}


@pytest.mark.parametrize("content", [b"", b"{", b"\xff\xfe{}"])
def test_a_file_that_is_no_json_is_named(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(InputError, match=r"a\.json is not JSON .*delete it"):
        read_json(tmp_path / "a.json")


def test_a_missing_file_says_what_to_run(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"a\.json is missing; run the stage"):
        read_json(tmp_path / "a.json")


def test_what_is_written_is_json_for_others(tmp_path: Path) -> None:
    write_json(tmp_path / "deep" / "a.json", [1, "zwei"])
    assert json.loads((tmp_path / "deep" / "a.json").read_bytes()) == [1, "zwei"]
