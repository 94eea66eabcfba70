"""Rows of parquet files: types that hold texts, and files that unpack to more than they should."""

import io
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from components.crawl.lists import parquet_pages, unpack
from components.crawl.lists.parquet import parquet_rows
from components.crawl.lists.parquet_pages import Chunk, chunks_of, weigh
from components.crawl.lists.unpack import Bomb
from components.crawl.sources import urls
from components.errors import InputError
from tests.crawl.lists.reading import A, B, cleaned, pairs, unreadable


def parquet(columns: dict[str, Any] | pa.Table, **options: Any) -> bytes:
    buffer = io.BytesIO()
    pq.write_table(columns if isinstance(columns, pa.Table) else pa.table(columns), buffer, **options)
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("addresses", "captions", "changes"),
    [
        (pa.array([A]), pa.array(["a crab"]), {}),
        (pa.array([A], pa.large_string()), pa.array(["a crab"], pa.large_string()), {}),
        (pa.array([A.encode()]), pa.array([b"a crab"]), {"bytes": 2}),
        (pa.array([A.encode()], pa.large_binary()), pa.array([b"a crab"], pa.binary(6)), {"bytes": 2}),
        (pa.array([A]).dictionary_encode(), pa.array(["a crab"]).dictionary_encode(), {}),
        (pa.array([A]), pa.array([["a crab", "a red crab"]]), {"list": 1}),
        (pa.array([A]), pa.array([["a crab"]], pa.large_list(pa.large_string())), {}),
        (pa.array([A]), pa.array([["a crab", "x"]], pa.list_(pa.string(), 2)), {"list": 1}),
        (pa.array([[A]]), pa.array([[b"a crab"]]), {"bytes": 1}),
        (pa.array([A]), pa.array([[None, "a crab"]]), {"list": 1}),
    ],
)
def test_texts_are_read_from_every_type_that_holds_them(addresses: Any, captions: Any, changes: dict[str, int]) -> None:
    data = parquet({"url": addresses, "caption": captions})
    assert pairs(data, "a.parquet") == [(A, "a crab")]
    assert cleaned(data, "a.parquet") == changes


def test_strings_that_are_not_utf_8_are_decoded() -> None:
    captions = pa.Array.from_buffers(pa.string(), 2, pa.array([b"caf\xe9", b"owl"]).buffers())
    data = parquet({"url": [A, B], "caption": captions})
    assert pairs(data, "a.parquet") == [(A, "café"), (B, "owl")]
    assert cleaned(data, "a.parquet") == {"bytes": 1, "encoding": 1}


def test_of_columns_with_one_name_the_first_is_taken() -> None:
    table = pa.Table.from_arrays(
        [pa.array([A]), pa.array(["first"]), pa.array(["second"])], ["url", "caption", "caption"]
    )
    assert pairs(parquet(table), "a.parquet") == [(A, "first")]


@pytest.mark.parametrize(
    "other",
    [
        pa.array([{"bytes": b"x", "path": "1.jpg"}]),
        pa.array([1]),
        pa.array([Decimal("1.5")]),
        pa.array([[("a", 1)]], pa.map_(pa.string(), pa.int32())),
        pa.array([0], pa.timestamp("ms")),
    ],
)
def test_columns_that_hold_no_text_are_passed_over(other: pa.Array) -> None:
    data = parquet({"image_url": other, "caption": other, "url": [A], "text": ["a crab"]})
    assert pairs(data, "a.parquet") == [(A, "a crab")]
    with pytest.raises(InputError, match=r"column 'caption' holds .*, no text; name another"):
        pairs(data, "a.parquet", text_column="caption")


def test_columns_of_nulls_give_no_pair() -> None:
    with pytest.raises(InputError, match="none of its rows gives a pair"):
        pairs(parquet({"url": pa.nulls(2), "caption": ["a", "b"]}), "a.parquet")


def chunks(data: bytes) -> list[Chunk]:
    return chunks_of(data[-8 - int.from_bytes(data[-8:-4], "little") : -8])[0]


def rows(data: bytes) -> list[Any]:
    return list(parquet_rows(io.BytesIO(data), ("", "")))


def test_a_text_of_a_dictionary_is_held_once() -> None:
    """0.1 MB that hold 2.7 GB: rows share one text, also when they are read."""
    text = pa.DictionaryArray.from_arrays(pa.array([0] * 2700, pa.int32()), ["x" * 1_000_000])
    found = rows(parquet({"url": [A] * 2700, "caption": text}, compression="none"))
    assert len(found) == 2700
    assert len({id(row[1]) for row in found}) == 1


@pytest.mark.parametrize(
    ("columns", "options"),
    [
        ({"url": [A] * 4, "caption": ["x" * 1_000_000 + str(n) for n in range(4)]}, {"use_dictionary": False}),
        ({"url": [A], "caption": ["x" * 3_000_000]}, {"use_dictionary": False}),
        ({"url": pa.nulls(1_000_000, pa.string()), "caption": pa.nulls(1_000_000, pa.string())}, {}),
        ({"url": [A], "caption": [["x"] * 1_000_000]}, {}),
    ],
    ids=["values", "value", "nulls", "list"],
)
def test_what_unpacks_to_far_more_than_the_file_is_not_read(
    columns: dict[str, Any], options: dict[str, Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(unpack, "_FREE", 1 << 20)
    data = parquet(columns, compression="zstd", **options)
    assert len(data) < 10_000
    (bad,) = unreadable(data, "a.parquet")
    assert "unpack to more than" in str(bad)
    assert bad.number == len(columns["url"])


def test_rows_that_take_no_bytes_are_not_counted_out(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_FREE_ROWS", 1000)
    data = parquet({"url": [A] * 10_000, "caption": ["a crab"] * 10_000})
    assert len(pairs(data, "a.parquet")) == 1000 + len(data)
    assert "more rows than bytes; the rest is not read" in str(unreadable(data, "a.parquet")[0])


def test_a_text_is_not_cleaned_in_more_rows_than_the_file_can_hold(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(urls, "_FREE_LETTERS", 10_000)
    data = parquet({"url": [A] * 10_000, "caption": ["\x01" * 2000 + "a crab"] * 10_000})
    found = len(pairs(data, "a.parquet", max_text=1000))
    assert found == (10_000 + 16 * len(data)) // 2006
    assert "times as long as the file" in str(unreadable(data, "a.parquet", max_text=1000)[0])


@pytest.mark.parametrize("version", ["1.0", "2.0"])
@pytest.mark.parametrize("compression", ["none", "snappy", "zstd"])
def test_pages_are_weighed_by_their_own_headers(version: str, compression: str) -> None:
    table = {"url": [f"{A}?{n}" for n in range(1000)], "caption": ["a crab"] * 1000}
    data = parquet(
        table, data_page_version=version, compression=compression, data_page_size=1000, write_page_checksum=True
    )
    stream = io.BytesIO(data)
    group = pq.ParquetFile(stream).metadata.row_group(0)
    weight = weigh(stream, chunks(data))
    exact = sum(group.column(n).total_uncompressed_size for n in (0, 1))
    pages = (weight.size - exact) // 1000  # a KiB for each, less the headers, which are not unpacked
    assert 10 < pages < 100
    assert exact - 20_000 < weight.size - 4 * 2000 - 1024 * pages <= exact + 20_000
    assert weight.rows == 8192


def test_values_that_repeat_the_one_before_are_read_a_few_at_a_time() -> None:
    options = {"use_dictionary": False, "column_encoding": {"url": "PLAIN", "caption": "DELTA_BYTE_ARRAY"}}
    data = parquet(
        {"url": [A] * 4, "caption": ["x" * 1_000_000 + str(n) for n in range(4)]}, compression="none", **options
    )
    stream = io.BytesIO(data)
    weight = weigh(stream, chunks(data)[1:])
    assert weight.rows <= 33
    assert not weight.dictionary
    assert len(rows(data)) == 4


def test_a_huge_page_is_not_unpacked(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parquet_pages, "_LARGEST_PAGE", 1_000_000)
    data = parquet({"url": [A], "caption": ["x" * 1_400_000]}, use_dictionary=False, compression="zstd")
    stream = io.BytesIO(data)
    with pytest.raises(Bomb, match="a page of 14"):
        weigh(stream, chunks(data)[1:])


@pytest.mark.parametrize("data", [b"", b"PAR1", b"PAR1\xff\xff\xff\x7fPAR1", b"x" * 100])
def test_what_is_no_parquet_is_reported(data: bytes) -> None:
    assert len(unreadable(data, "a.parquet")) == 1


@given(st.binary(max_size=60) | st.binary(max_size=30).map(lambda end: b"\x15\x00\x15\x02\x15\x02" + end))
@example(b"\x15\x00\x15\x02\x15\x02\x25\x02\x00")  # a number where the struct of a kind of page should be
@example(b"\x15\x00\x15\x02\x15\x02\x21\x00")
@example(b"\x19" * 5000)  # lists of lists
@example(b"\x19\xf3" + b"\xff" * 9 + b"\x01")  # a list of 2^64 bytes
@example(b"\x15" + b"\xff" * 5000)  # a number that never ends
def test_any_bytes_are_a_page_or_a_value_error(data: bytes) -> None:
    try:
        weigh(io.BytesIO(data), [Chunk(9, 0)])
    except ValueError as error:
        assert "page" in str(error)
