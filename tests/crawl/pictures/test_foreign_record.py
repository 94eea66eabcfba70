"""Records of others' shards: what the schema can hold is kept, and the rest counted."""

import io
import json
import tarfile
from collections import Counter
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.cleaning import Cleaning
from components.crawl.pictures.foreign_record import clean_record
from components.shards.format import INDEX_SCHEMA
from components.shards.reader import Picture, read_shard
from components.shards.record import read_caption, read_record

URL = "http://a.example/1.jpg"


def adopted(path: Path, record: bytes, text: bytes | None = None) -> tuple[dict[str, Any], dict[str, int]]:
    with tarfile.open(path / "00000.tar", "w") as tar:
        parts = {"jpg": b"picture", "json": record} | ({} if text is None else {"txt": text})
        for ending, content in parts.items():
            member = tarfile.TarInfo(f"0.{ending}")
            member.size = len(content)
            tar.addfile(member, io.BytesIO(content))
    (picture,) = read_shard(path / "00000.tar")
    return cleaned(picture)


def cleaned(picture: Picture) -> tuple[dict[str, Any], dict[str, int]]:
    counts: Counter[str] = Counter()
    record = clean_record(picture, Cleaning(counts), 200)
    pa.Table.from_pylist([{name: record.get(name) for name in INDEX_SCHEMA.names}], INDEX_SCHEMA)
    return record, {name.removeprefix("cleaned."): number for name, number in counts.items()}


@pytest.mark.parametrize(
    ("record", "field", "value", "changes"),
    [
        (b'{"original_width": 640}', "original_width", 640, ""),
        (b'{"original_width": 99999999999}', "original_width", None, "out_of_range"),
        (b'{"original_width": 1%s}' % (b"0" * 5000), "original_width", None, "out_of_range"),
        (b'{"original_width": true}', "original_width", None, "wrong_type"),
        (b'{"original_width": NaN}', "original_width", None, ""),
        (b'{"original_width": Infinity}', "original_width", None, "out_of_range"),
        (b'{"http_status": 99999}', "http_status", None, "out_of_range"),
        (b'{"page_title": "birds \\ud83d"}', "page_title", "birds", "characters"),
        (b'{"page_title": "birds\\u0000 of prey"}', "page_title", "birds of prey", "characters"),
        (b'{"page_title": "birds\x01"}', "page_title", "birds", "characters"),
        (b'{"page_title": "%s"}' % (b"x" * 100_000), "page_title", "x" * 200, "truncated"),
        (b'{"page_title": ["birds", "owls"]}', "page_title", "birds", "list"),
        (b'{"page_title": {"en": "birds"}}', "page_title", "", "wrong_type"),
        (b'{"page_title": "caf\xe9"}', "page_title", "café", "encoding"),
        (b'\xef\xbb\xbf{"page_title": "birds"}', "page_title", "birds", ""),
        ('{"page_title": "birds"}'.encode("utf-16"), "page_title", "birds", "encoding"),
        (b'{"url": "%s"}' % (b"x" * 5000), "url", "", "out_of_range"),
        (b'{"site": "%s"}' % (b"x" * 5000), "site", "x" * 255, "truncated"),
        (b'{"caption": ["a grey heron", "a heron in reeds"]}', "caption", "a grey heron", "list"),
        (b'{"caption": 1984}', "caption", "1984", ""),
        (b'{"caption": {"en": "a heron"}}', "caption", "", "wrong_type"),
        (b"[" * 200_000, "caption", "", "no_record"),
        (b'{"a":' * 200_000, "caption", "", "no_record"),
        (b"[]", "caption", "", "no_record"),
        (b"\x00\xff", "caption", "", "no_record"),
    ],
)
def test_a_field_is_kept_if_the_schema_can_hold_it(
    tmp_path: Path, record: bytes, field: str, value: Any, changes: str
) -> None:
    found, counted = adopted(tmp_path, record)
    assert (found.get(field), counted) == (value, dict.fromkeys(changes.split(), 1))


@pytest.mark.parametrize(
    ("text", "caption", "changes"),
    [
        ("a café".encode(), "a café", ""),
        (b"a caf\xe9", "a café", "encoding"),
        ("a café".encode("utf-16"), "a café", "encoding"),
        (b"a caf\xed\xa0\x80", "a caf", "characters"),
        (b"a\x00 heron", "a heron", "characters"),
        (b"x" * 300, "x" * 200, "truncated"),
    ],
)
def test_a_text_in_any_encoding_is_read(tmp_path: Path, text: bytes, caption: str, changes: str) -> None:
    found, counted = adopted(tmp_path, b'{"caption": "the record\'s"}', text)
    assert (found["caption"], counted) == (caption, dict.fromkeys(changes.split(), 1))


keys = st.sampled_from(
    ["url", "page_url", "page_title", "page_language", "context", "site", "caption"]
) | st.sampled_from(["original_width", "original_height", "http_status"])
surrogates = st.text(st.characters(exclude_categories=()))
values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | surrogates,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(surrogates, inner, max_size=3),
    max_leaves=5,
)


@settings(max_examples=60)
@given(st.dictionaries(keys, values), st.none() | st.binary())
def test_any_record_and_any_text_give_a_row_that_fits_the_schema(record: dict[str, Any], text: bytes | None) -> None:
    read, _ = read_record(json.dumps(record).encode())
    caption, changes = read_caption(text, read)
    found, counted = cleaned(Picture("0", b"", "jpg", caption, read, changes))
    lost = [name for name, value in record.items() if value and value == value and not found.get(name)]
    assert counted or not [name for name in lost if name != "caption" and str(record[name]).strip()]


@settings(max_examples=60)
@given(st.binary() | st.binary().map(lambda data: b'{"caption": "' + data + b'"}'))
def test_any_bytes_are_a_record_or_none(data: bytes) -> None:
    record, changes = read_record(data)
    assert isinstance(record, dict)
    assert record or changes or json.loads(data) == {}
