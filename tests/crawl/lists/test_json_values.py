"""Rows in JSON of other shapes than an array of objects or lines."""

import json
from typing import Any

import pytest

from components.crawl.lists import json_rows
from components.errors import InputError
from tests.crawl.lists.reading import A, B, cleaned, pairs, unreadable

ROWS = [{"url": A, "caption": "a crab"}, {"url": B, "caption": "a red crab"}]
PAIRS = [(A, "a crab"), (B, "a red crab")]
COLUMNS = {"url": [A, B], "caption": ["a crab", "a red crab"]}
SHAPES: dict[str, Any] = {
    "columns": COLUMNS,
    "columns, more of them": {"id": [1, 2]} | COLUMNS | {"width": [3, 4]},
    "columns of usual plurals": {"images": [A, B], "captions": ["a crab", "a red crab"]},
    "columns within data": {"data": COLUMNS},
    "data": {"data": ROWS},
    "items": {"total": 2, "items": ROWS, "next": None},
    "images": {"images": ROWS, "info": {"year": 2017}, "licenses": [{"id": 1, "name": "CC BY"}]},
    "another name": {"version": 1, "crustaceans": ROWS},
    "two splits": {"train": ROWS[:1], "test": ROWS[1:]},
    "two deep": {"response": {"results": ROWS}},
    "pandas, columns": {name: {str(n): row[name] for n, row in enumerate(ROWS)} for name in ROWS[0]},
    "pandas, index": {str(n): row for n, row in enumerate(ROWS)},
    "pandas, split": {"columns": ["url", "caption"], "index": [0, 1], "data": [list(row.values()) for row in ROWS]},
    "pandas, table": {"schema": {"fields": [{"name": "url", "type": "string"}]}, "data": ROWS},
    "values": {"data": [list(row.values()) for row in ROWS]},
    "a data set viewer": {
        "features": [{"name": "url"}],
        "rows": [{"row_idx": n, "row": r} for n, r in enumerate(ROWS)],
    },
    "a graph": {
        "data": {"media": {"edges": [{"node": {"image": {"url": r["url"]}, "alt": r["caption"]}} for r in ROWS]}}
    },
    "objects as columns": {"items": [{"image": {"url": r["url"], "width": 9}, "caption": r["caption"]} for r in ROWS]},
    "objects with both": {"items": [{"id": 7, "photo": {"src": r["url"], "alt": r["caption"]}} for r in ROWS]},
    "objects of texts": {"items": [{"url": r["url"], "image": {"alt": r["caption"]}} for r in ROWS]},
}


@pytest.mark.parametrize("name", SHAPES)
@pytest.mark.parametrize("indent", [None, 1])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_rows_are_found_however_they_are_nested(name: str, indent: int | None, encoding: str, kind: str) -> None:
    data = json.dumps(SHAPES[name], indent=indent).encode(encoding)
    assert pairs(data, f"a.{kind}") == PAIRS
    assert not unreadable(data, f"a.{kind}")
    assert not cleaned(data, f"a.{kind}")


@pytest.mark.parametrize("name", SHAPES)
def test_lines_and_elements_of_arrays_may_be_nested_as_well(name: str) -> None:
    one = json.dumps(SHAPES[name])
    assert pairs(f"{one}\n{one}\n".encode("utf-8-sig"), "a.ndjson") == 2 * PAIRS
    assert pairs(f"[{one},\n{one}]".encode("utf-8-sig"), "a.json") == 2 * PAIRS


@pytest.mark.parametrize("first", ["utf-8", "utf-8-sig"])
def test_a_byte_order_mark_may_stand_before_any_line(first: str) -> None:
    one = json.dumps(ROWS[0])
    data = f"{one}\r\n".encode(first) + f"{one}\r\n".encode("utf-8-sig")
    assert pairs(data, "a.ndjson") == [PAIRS[0]] * 2


def test_a_row_of_another_form_costs_itself() -> None:
    rows = [*ROWS, {"caption": "no address"}, 7, *ROWS]
    data = json.dumps({"data": rows}).encode()
    assert pairs(data, "a.json") == 2 * PAIRS
    assert len(unreadable(data, "a.json")) == 2


def test_columns_of_other_lengths_are_no_rows() -> None:
    row = json.dumps({"url": [A, B], "caption": ["1", "2", "3"]})
    good = json.dumps(ROWS[0])
    data = f"{good}\n{row}\n{good}\n".encode()
    assert pairs(data, "a.jsonl") == [PAIRS[0]] * 2
    assert [one.reason for one in unreadable(data, "a.jsonl")] == ["2 addresses and 3 texts"]


def test_the_user_names_nested_columns() -> None:
    data = json.dumps({"items": [{"id": 7, "files": {"large": A}, "texts": {"en": "a crab"}}]}).encode()
    assert pairs(data, "a.json", url_column="files.large", text_column="texts.en") == [(A, "a crab")]


@pytest.mark.parametrize(
    ("value", "said"),
    [
        (
            {"images": [{"id": 1, "file_name": "1.jpg"}], "annotations": [{"image_id": 1, "caption": "a crab"}]},
            ["'images' (1 values, the first an object with 'id', 'file_name')", "'annotations' (1 values"],
        ),
        ({"url": A}, ["'url' (a text)", "no column of the usual names (caption"]),
        ({"error": "not found", "status": 404}, ["'error' (a text), 'status' (a number)"]),
        ({str(n): n for n in range(100)}, ["'7' (a number), …"]),
        ({"a": {"b": {"c": {"d": {"e": {"data": ROWS}}}}}}, ["'a' (an object with 'b')"]),
    ],
)
@pytest.mark.parametrize("indent", [None, 1])
def test_an_object_without_rows_is_an_error_that_says_what_it_holds(
    value: dict[str, Any], said: list[str], indent: int | None
) -> None:
    with pytest.raises(InputError) as error:
        pairs(json.dumps(value, indent=indent).encode(), "a.json")
    assert all(words in str(error.value) for words in ["a.json: it is one JSON object", *said])


@pytest.mark.parametrize("separator", ["", "\n"])
def test_one_object_may_have_so_many_bytes(monkeypatch: pytest.MonkeyPatch, separator: str) -> None:
    monkeypatch.setattr(json_rows, "MAX_DOCUMENT", 1000)
    data = json.dumps({"data": 100 * ROWS}).replace("{", f"{separator}{{").lstrip().encode()
    with pytest.raises(InputError, match="more than 0 MiB" if not separator else "none of its rows"):
        pairs(data, "a.json")
    assert pairs(json.dumps({"data": ROWS}).encode(), "a.json") == PAIRS


def test_lines_after_a_long_first_one_are_read(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(json_rows, "MAX_DOCUMENT", 1000)
    broken = json.dumps(ROWS[0])[:-1]
    lines = "\n".join([broken, *(json.dumps(row) for row in 20 * ROWS)])
    assert pairs(lines.encode(), "a.json") == 20 * PAIRS


def test_deep_values_take_little_time() -> None:
    """The work that is done is a small multiple of the values."""
    looked_at = 0

    class Counting(dict[str, Any]):
        def values(self) -> Any:
            nonlocal looked_at
            looked_at += 1
            return super().values()

    def nest(depth: int) -> Any:
        return Counting({"data": [nest(depth - 1) for _ in range(8)]}) if depth else Counting({"x": 1})

    values = json_rows.JsonValues(("", ""))
    list(values.rows(nest(5), 1, "row"))
    assert looked_at < 20 * 8**5
