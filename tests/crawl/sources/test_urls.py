import bz2
import gzip
import io
import lzma
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.pair import Pair
from components.crawl.sources.urls import Urls, list_format
from components.crawl.unreadable import Unreadable
from components.errors import InputError
from tests.crawl.conftest import knobs

ROWS = pd.DataFrame(
    {
        "SAMPLE_ID": [1, 2, 3],
        "URL": ["http://a.example/1.jpg", "http://b.example/2.jpg?x=1", "http://a.example/3.jpg"],
        "TEXT": ["a red crab", 'an "old" tower, at night', "čaj"],
        "HEIGHT": [10.0, None, 30.0],
    }
)
PAIRS = [Pair(url, text) for url, text in zip(ROWS["URL"], ROWS["TEXT"], strict=True)]


def read(data: bytes, name: str, counts: Counter[str] | None = None, **changes: Any) -> list[Pair | Unreadable]:
    return list(Urls().read(io.BytesIO(data), name, knobs(**changes), Counter() if counts is None else counts))


def parquet(rows: pd.DataFrame) -> bytes:
    buffer = io.BytesIO()
    rows.to_parquet(buffer)
    return buffer.getvalue()


WRITERS: dict[str, Callable[[pd.DataFrame], bytes]] = {
    "csv": lambda rows: rows.to_csv(index=False).encode(),
    "tsv": lambda rows: rows.to_csv(index=False, sep="\t", quoting=3).encode(),
    "json": lambda rows: rows.to_json(orient="records").encode(),
    "jsonl": lambda rows: rows.to_json(orient="records", lines=True).encode(),
    "parquet": parquet,
}


@pytest.mark.parametrize("kind", WRITERS)
def test_every_format_gives_the_same_pairs(kind: str) -> None:
    counts: Counter[str] = Counter()
    assert read(WRITERS[kind](ROWS), f"list.{kind}", counts) == PAIRS
    assert counts == {"pairs.found": 3}


@pytest.mark.parametrize(
    ("ending", "pack"),
    [("gz", gzip.compress), ("bz2", bz2.compress), ("xz", lzma.compress), ("zst", zstandard.compress)],
)
@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_lists_may_be_compressed(kind: str, ending: str, pack: Callable[[bytes], bytes]) -> None:
    assert read(pack(WRITERS[kind](ROWS)), f"http://lists.example/list.{kind}.{ending}?download=1") == PAIRS


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("a.csv", "csv"),
        ("a.tar.parquet", "parquet"),
        ("a.JSONL.gz", "jsonl"),
        ("a.txt", None),
        ("csv", None),
        ("a.gz", None),
    ],
)
def test_the_format_follows_from_the_name(name: str, kind: str | None) -> None:
    assert list_format(name) == kind


@pytest.mark.parametrize("kind", WRITERS)
def test_columns_can_be_configured(kind: str) -> None:
    rows = ROWS.rename(columns={"URL": "where", "TEXT": "What"}).assign(caption="wrong")
    assert read(WRITERS[kind](rows), f"list.{kind}", url_column="where", text_column="what") == PAIRS


@pytest.mark.parametrize("kind", WRITERS)
def test_a_missing_column_is_named_with_the_existing_ones(kind: str) -> None:
    with pytest.raises(InputError, match=rf"list.{kind}: .*'where'.*--url-column \(crawl.url_column") as error:
        read(WRITERS[kind](ROWS.rename(columns={"URL": "where"})), f"list.{kind}")
    assert "no column of the usual names (imageurl," in str(error.value)


@pytest.mark.parametrize("kind", ["json", "jsonl"])
def test_rows_without_address_or_text_are_counted_by_reason(kind: str) -> None:
    rows = [
        {"url": u, "text": t}
        for u, t in [
            ("x.jpg", "x"),
            (None, "x"),
            ("http://a.example/", " "),
            ("ftp://a/", "x"),
            (7, 8),
            ("http://a.example/1.jpg", "x"),
        ]
    ]
    counts: Counter[str] = Counter()
    assert read(WRITERS[kind](pd.DataFrame(rows, dtype=object)), f"a.{kind}", counts) == [
        Pair("http://a.example/1.jpg", "x")
    ]
    assert counts == {
        "pairs.found": 1,
        "pairs.dropped.bad_address": 4,
        "pairs.dropped.no_text": 1,
        "cleaned.wrong_type": 2,
    }


GOOD = '{"url": "http://a.example/1.jpg", "text": "a crab"}'


@pytest.mark.parametrize("line", ["{", "[1]", "7", '{"url": 1}', "\udcff", '{"url": "' + "x" * (1 << 22) + '"}'])
def test_a_malformed_line_is_reported_by_its_number_and_the_next_is_read(line: str) -> None:
    data = f"{GOOD}\n\n{line}\n{GOOD}\n".encode(errors="surrogateescape")
    first, bad, last = read(data, "a.jsonl")
    assert first == last == Pair("http://a.example/1.jpg", "a crab")
    assert isinstance(bad, Unreadable)
    assert (bad.offset, bad.unit) == (3, "line")


@pytest.mark.parametrize("line", ["http://a.example/2.jpg", "a,b,c", '"' + "x" * (1 << 22) + '",y'])
def test_a_malformed_row_of_csv_is_reported_by_its_line(line: str) -> None:
    good = "http://a.example/1.jpg,a crab"
    found = read(f"url,text\n{good}\n{line}\n{good}\n".encode(), "a.csv")
    assert [str(one).partition(":")[0] for one in found if isinstance(one, Unreadable)] == ["line 3"]
    assert len(found) == 3


def test_quotation_marks_are_literal_in_tsv() -> None:
    data = 'url\ttext\nhttp://a.example/1.jpg\tthe "old\nhttp://a.example/2.jpg\ttower"\n'
    assert [pair.caption for pair in read(data.encode(), "a.tsv") if isinstance(pair, Pair)] == ['the "old', 'tower"']


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.parquet", b"PAR1 nonsense PAR1"),
        ("a.parquet", b""),
        ("a.json", b"{}"),
        ("a.json", b"[1"),
        ("a.csv", b"\xff\xfe"),
    ],
)
def test_an_unreadable_list_is_reported(name: str, data: bytes) -> None:
    (bad,) = read(data, name)
    assert isinstance(bad, Unreadable)


def test_a_damaged_parquet_is_read_up_to_the_damage(tmp_path: Path) -> None:
    rows = pd.concat([ROWS] * 2_000, ignore_index=True)
    rows["TEXT"] = rows["TEXT"] + rows.index.astype(str)
    rows.to_parquet(tmp_path / "a.parquet", row_group_size=1_000, compression="zstd", use_dictionary=False)
    data = bytearray((tmp_path / "a.parquet").read_bytes())
    half = len(data) // 2
    data[half : half + 500] = bytes(500)
    found = read(bytes(data), "a.parquet")
    bad = [one for one in found if isinstance(one, Unreadable)]
    assert len(bad) == 1
    assert bad[0].number <= 1_000
    assert len(found) - 1 + bad[0].number == 6_000


@pytest.mark.parametrize(
    ("name", "data"), [("a.csv", b""), ("a.csv", b"url,text\n"), ("a.jsonl", b""), ("a.json", b"[]")]
)
def test_a_list_without_rows_is_reported(name: str, data: bytes) -> None:
    assert read(data, name) == [Unreadable(0, "it has no row", "row")]


@settings(max_examples=60)
@given(st.sampled_from(["csv", "tsv", "json", "jsonl", "parquet", "csv.gz"]), st.data())
def test_whatever_is_overwritten_nothing_else_is_raised(kind: str, data: st.DataObject) -> None:
    plain = WRITERS[kind.removesuffix(".gz")](ROWS)
    content = bytearray(gzip.compress(plain) if kind.endswith(".gz") else plain)
    start = data.draw(st.integers(0, len(content) - 1))
    replacement = data.draw(st.binary(min_size=1, max_size=20))
    content[start : start + len(replacement)] = replacement
    with suppress(InputError):  # of a header that names no column, or rows of which none is a pair
        read(bytes(content), f"a.{kind}")
