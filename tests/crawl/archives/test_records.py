"""What an archive may cost, and what is read of a hostile one: counted in bytes, not in seconds."""

import gzip
import io
from collections import Counter
from collections.abc import Callable

import pytest
import zstandard

from components.crawl.archives import effort as efforts
from components.crawl.archives.effort import Effort, TooCostly
from components.crawl.pair import Pair
from components.crawl.sources.warc import Warc
from components.crawl.unreadable import Unreadable
from tests.crawl.conftest import knobs
from tests.crawl.sources.archives import gzipped, page, picture, record

URL = "http://site.example/"
GOOD = page(URL, picture("crab"))


class Counted(io.BytesIO):
    """A stream that counts the bytes that are read from it."""

    bytes_read = 0

    def read(self, size: int | None = -1, /) -> bytes:
        data = super().read(size)
        self.bytes_read += len(data)
        return data


def read(data: bytes, counts: Counter[str] | None = None) -> tuple[list[str], list[Unreadable], int]:
    """Captions, what is unreadable, and how many times the archive was read."""
    stream = Counted(data)
    found = list(Warc().read(stream, "a.warc", knobs(), Counter() if counts is None else counts))
    captions = [one.caption for one in found if isinstance(one, Pair)]
    return captions, [one for one in found if isinstance(one, Unreadable)], stream.bytes_read // len(data)


def lengths_of_half_the_rest(size: int) -> bytes:
    data = bytearray()
    while len(data) < size:
        data += b"WARC/1.0\r\nContent-Length: %d\r\n\r\n" % ((size - len(data)) // 2)
    return bytes(data)


LIE = b"WARC/1.0\r\nContent-Length: 99999999999\r\n\r\n"
HOSTILE: dict[str, Callable[[int], bytes]] = {
    "magic numbers": lambda size: b"WARC/" * (size // 5),
    "versions": lambda size: b"WARC/1.0\r\n" * (size // 10),
    "headers without end": lambda size: b"WARC/1.0\r\nA: b\r\n" * (size // 16),
    "lengths beyond the end": lambda size: LIE * (size // len(LIE)),
    "lengths of half the rest": lengths_of_half_the_rest,
    "gzip's magic number": lambda size: b"\x1f\x8b\x08" * (size // 3),
    "gzip headers": lambda size: b"\x1f\x8b\x08\0\0\0\0\0\0\3\3\0" * (size // 12),
    "gzip of lying lengths": lambda size: gzip.compress(LIE) * (size // len(gzip.compress(LIE))),
}


@pytest.mark.parametrize("kind", HOSTILE)
def test_false_beginnings_are_read_a_bounded_number_of_times(kind: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "_ANY_FILE", 1 << 20)
    captions, unreadable, times = read(HOSTILE[kind](20_000))
    assert captions == []
    assert unreadable
    assert times <= 1000


@pytest.mark.parametrize("kind", HOSTILE)
def test_a_good_record_after_false_beginnings_is_found(kind: str) -> None:
    good = gzip.compress(GOOD) if "gzip" in kind else GOOD
    captions, _, _ = read(good + HOSTILE[kind](3_000) + good)
    assert captions == ["a crab", "a crab"]


@pytest.mark.parametrize("length", [1, 10, 3_000, 10**9, 2**63, 2**64, -1])
@pytest.mark.parametrize("pack", [gzipped, b"".join])
def test_a_length_that_is_not_so_costs_only_its_record(length: int, pack: Callable[[list[bytes]], bytes]) -> None:
    true = GOOD.partition(b"\r\n\r\n")[0].rpartition(b" ")[2]
    lying = GOOD.replace(b"Content-Length: " + true, b"Content-Length: %d" % length)
    captions, unreadable, _ = read(pack([GOOD, lying, GOOD, GOOD]))
    assert captions[:1] == ["a crab"]
    assert len(captions) >= 3
    assert unreadable


def test_a_bomb_is_given_up_with_its_place(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "_ANY_FILE", 1 << 20)
    bomb = zstandard.compress(record("response", URL, bytes(5_000_000)))
    captions, unreadable, _ = read(zstandard.compress(GOOD) + bomb + zstandard.compress(GOOD))
    assert captions == ["a crab"]
    assert "decompression bomb" in str(unreadable[-1])
    assert unreadable[-1].offset == len(zstandard.compress(GOOD))


def test_blank_lines_without_end_are_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "_LONGEST_SEARCH", 0.0)
    _, unreadable, _ = read(GOOD + b"\r\n" * 500_000 + GOOD)
    assert "no record was found" in str(unreadable[-1])


def test_a_record_with_a_header_without_end_is_skipped() -> None:
    endless = GOOD.replace(b"\r\n", b"\r\nX: " + b"a" * 100_000 + b"\r\n", 1)
    captions, unreadable, _ = read(gzipped([GOOD, endless, GOOD]))
    assert captions == ["a crab", "a crab"]
    assert len(unreadable) == 1


def test_all_effort_is_spent_at_some_point(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "_ANY_FILE", 10)
    effort = Effort(1)
    effort.spend(1010)
    with pytest.raises(TooCostly):
        effort.spend(1)


def test_usual_archives_stay_far_below_the_bound(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(efforts, "_ANY_FILE", 0)
    monkeypatch.setattr(efforts, "_EACH_BYTE", 500)
    texts = [f"{number * 7919 % 10007:x} {number * 104729 % 99991:x}" for number in range(400)]
    pages = [page(URL, picture("crab") + "".join(f"<p>{one} {n}" for one in texts)) for n in range(20)]
    for data in (gzipped(pages), b"".join(pages)):
        captions, unreadable, _ = read(data)
        assert (len(captions), unreadable) == (20, [])
