"""Packed lists: what says that it is packed is unpacked, in bounded memory."""

import bz2
import gzip
import io
import lzma
import zlib
from collections.abc import Callable

import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.lists import unpack
from components.crawl.lists.unpack import Bomb, chunks
from tests.crawl.lists.reading import A, pairs, unreadable

PACK: dict[str, Callable[[bytes], bytes]] = {
    "gz": gzip.compress,
    "bz2": bz2.compress,
    "xz": lzma.compress,
    "zst": zstandard.compress,
}
LIST = f"url,caption\n{A},a crab\n".encode()


def unpacked(data: bytes) -> bytes:
    return b"".join(chunks(io.BytesIO(data)))


@pytest.mark.parametrize("kind", PACK)
def test_several_packed_files_in_one_are_read_on(kind: str) -> None:
    assert unpacked(PACK[kind](b"one ") + PACK[kind](b"") + PACK[kind](b"two")) == b"one two"


@pytest.mark.parametrize("kind", PACK)
@pytest.mark.parametrize("name", ["a.csv", "a.csv.gz", "a.csv.GZ", "a.csv.zst"])
def test_the_content_tells_how_it_is_packed(kind: str, name: str) -> None:
    assert pairs(PACK[kind](LIST), name) == pairs(LIST, name) == [(A, "a crab")]


@pytest.mark.parametrize("kind", PACK)
def test_a_packed_file_is_read_up_to_where_it_ends_early(kind: str) -> None:
    rows = LIST + b"".join(b"http://b.example/%d.jpg,%s\n" % (n, hex(n * 7919**5).encode()) for n in range(3000))
    packed = PACK[kind](rows)
    data = packed + packed[: len(packed) // 2]
    assert len(unreadable(data, f"a.csv.{kind}")) == 1
    assert 3001 <= len(pairs(data, f"a.csv.{kind}")) < 6002


@pytest.mark.parametrize("kind", PACK)
def test_a_bomb_is_left_before_it_fills_the_memory(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(unpack, "_FREE", 1 << 20)
    found, size = 0, 0
    with pytest.raises(Bomb, match="unpack the file yourself"):
        for chunk in chunks(io.BytesIO(PACK[kind](bytes(3 << 20)))):
            found += len(chunk)
            size = max(size, len(chunk))
    assert found < 2 << 20
    assert size <= 8 << 20


@settings(max_examples=60)
@given(st.sampled_from(sorted(PACK)), st.data())
def test_whatever_is_overwritten_the_error_is_one_of_those_that_are_documented(kind: str, data: st.DataObject) -> None:
    packed = bytearray(PACK[kind](LIST * 100))
    start = data.draw(st.integers(0, len(packed) - 1))
    packed[start : start + 4] = data.draw(st.binary(min_size=1, max_size=8))
    try:
        unpacked(bytes(packed))
    except (EOFError, OSError, ValueError, zlib.error, lzma.LZMAError, zstandard.ZstdError):
        return
