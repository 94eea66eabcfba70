"""JSON files: what is written, and what is made of it."""

from pathlib import Path

import pytest

from components.errors import InputError
from components.storage.json_files import flatten, leaves, read_json, write_json

NESTED = {"a": 1, "b": {"c": 2.5, "d": {"e": "x"}}, "f": [1, {"g": 2}], "h": {}}


def test_flattening_joins_nested_keys_by_dots() -> None:
    assert dict(flatten(NESTED)) == {"a": 1, "b.c": 2.5, "b.d.e": "x", "f": [1, {"g": 2}]}


def test_leaves_keep_keys_apart_that_hold_dots() -> None:
    assert list(leaves({"a.b": {"c": 1}, "a": {"b.c": 2}})) == [(("a.b", "c"), 1), (("a", "b.c"), 2)]


def test_equal_content_gives_equal_bytes(tmp_path: Path) -> None:
    write_json(tmp_path / "one.json", {"b": 1, "a": 2})
    write_json(tmp_path / "other.json", {"a": 2, "b": 1})
    assert (tmp_path / "one.json").read_bytes() == (tmp_path / "other.json").read_bytes()


@pytest.mark.parametrize("content", [b"{", b"", b"\xff", b"[" * 200_000, b"9" * 5000])
def test_a_broken_file_is_named_with_the_fix(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "broken.json").write_bytes(content)
    with pytest.raises(InputError, match=r"broken\.json is not JSON .*; delete it and run its stage again"):
        read_json(tmp_path / "broken.json")
