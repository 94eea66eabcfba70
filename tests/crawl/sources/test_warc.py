import gzip
import io
import zlib
from collections import Counter
from random import Random
from typing import Any

import brotli
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.pages import html
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from components.crawl.sources import warc
from components.crawl.sources.warc import Warc
from components.crawl.unreadable import Unreadable
from tests.crawl.conftest import knobs
from tests.crawl.sources.archives import answer, gzipped, page, picture, record

URL = "http://site.example/animals/"
WORDS = ("crab", "whale", "heron", "otter", "newt", "shrew")
RECORDS = [
    record("warcinfo", "", b"software: test\r\n", "application/warc-fields"),
    *(page(f"{URL}{word}.html", picture(word)) for word in WORDS),
]


def read(data: bytes, counts: Counter[str] | None = None) -> tuple[list[Pair], list[Unreadable]]:
    found = list(Warc().read(io.BytesIO(data), "a.warc", knobs(), Counter() if counts is None else counts))
    return [f for f in found if isinstance(f, Pair)], [f for f in found if isinstance(f, Unreadable)]


def captions(data: bytes) -> list[str]:
    pairs, unreadable = read(data)
    assert not unreadable
    return [pair.caption for pair in pairs]


def body_of(body: bytes, **headers: str) -> bytes:
    return record("response", URL, answer(body, **headers))


@pytest.mark.parametrize("pack", [gzipped, b"".join, lambda records: zstandard.compress(b"".join(records))])
def test_pages_of_an_archive_give_pairs_however_it_is_packed(pack: "type") -> None:  # type: ignore[type-arg]
    counts: Counter[str] = Counter()
    pairs, unreadable = read(pack(RECORDS), counts)
    assert pairs[0] == Pair(
        url="http://site.example/crab.png",
        caption="a crab",
        page_url=f"{URL}crab.html",
        page_title="A page",
        page_language="en",
        site="site.example",
    )
    assert [pair.caption for pair in pairs] == [f"a {word}" for word in WORDS]
    assert (unreadable, counts) == ([], {"pages.crawled": 6, "pairs.found": 6})


def chunked(body: bytes) -> bytes:
    half = len(body) // 2
    parts = (body[:half], body[half:])
    return b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts) + b"0\r\n\r\n"


HTML = picture("crab").encode()


@pytest.mark.parametrize(
    ("body", "headers"),
    [
        (gzip.compress(HTML), {"Content_Encoding": "gzip"}),
        (zlib.compress(HTML), {"Content_Encoding": "deflate"}),
        (brotli.compress(HTML), {"Content_Encoding": "br"}),
        (chunked(HTML), {"Transfer_Encoding": "chunked"}),
        (chunked(gzip.compress(HTML)), {"Transfer_Encoding": "chunked", "Content_Encoding": "x-gzip"}),
        (gzip.compress(gzip.compress(HTML)), {"Content_Encoding": "gzip, gzip"}),
        (gzip.compress(gzip.compress(HTML)), {"Content_Encoding": "gzip"}),
        (HTML, {"Content_Encoding": "gzip"}),
        (HTML, {"Transfer_Encoding": "chunked"}),
        (HTML, {"Content_Encoding": "identity"}),
        (zstandard.compress(HTML), {"Content_Encoding": "zstd"}),
        (zlib.compress(HTML, wbits=-15), {"Content_Encoding": "deflate"}),
        (gzip.compress(HTML), {}),
        (HTML, {"Content_Encoding": "br"}),
        (HTML, {"Content_Encoding": "deflate"}),
        (HTML, {"Content_Encoding": "none"}),
        (HTML, {"Content_Encoding": "UTF-8"}),
        (chunked(gzip.compress(HTML)), {"Transfer_Encoding": "gzip, chunked"}),
    ],
)
def test_bodies_are_decoded_unless_they_already_are(body: bytes, headers: dict[str, str]) -> None:
    assert captions(body_of(body, **headers)) == ["a crab"]


@pytest.mark.parametrize("line", ["http/1.1 200 OK", "HTTP/2 200", "HTTP/1.1\t200"])
@pytest.mark.parametrize("end", ["\r\n", "\n"])
def test_headers_are_read_however_their_crawler_wrote_them(line: str, end: str) -> None:
    block = f"{line}{end}CONTENT-TYPE: text/html; charset=utf-8{end}{end}".encode() + HTML
    assert captions(record("response", URL, block)) == ["a crab"]
    assert captions(record("response", URL, block, "Application/HTTP; msgtype=response")) == ["a crab"]


@pytest.mark.parametrize(
    ("written", "instead"),
    [
        (b"WARC-Type: response", b"warc-type: Response"),
        (b"WARC/1.0", b"WARC/1.1"),
        (b"Content-Type: application/http; msgtype=response", b"content-type:application/HTTP"),
        (b"Content-Type: application/http; msgtype=response\r\n", b""),
        (b"WARC-Target-URI: http://site.example/", b"warc-target-uri: <http://site.example/>"),
    ],
)
def test_records_are_read_however_their_crawler_wrote_them(written: bytes, instead: bytes) -> None:
    one = page(URL.removesuffix("animals/"), picture("crab"))
    assert captions(gzipped([one.replace(written, instead, 1)])) == ["a crab"]


@pytest.mark.parametrize("charset", ["undefined", "idna", "hex", "zip", "punycode", "utf-7", "unicode_escape", "rot13"])
def test_no_declared_charset_costs_a_page(charset: str) -> None:
    declared = page(URL, picture("crab"), f"<meta charset={charset}>", Content_Type=f"text/html; charset={charset}")
    assert captions(gzipped([declared, page(URL, picture("newt"))])) == ["a crab", "a newt"]


@pytest.mark.parametrize("kind", ["text/html, text/html", "TEXT/HTML ; charset=utf-8", "application/xhtml+xml,"])
def test_pages_are_known_however_their_server_wrote_their_type(kind: str) -> None:
    assert captions(body_of(HTML, Content_Type=kind)) == ["a crab"]


def test_whatever_a_record_raises_makes_only_this_record_unreadable(monkeypatch: pytest.MonkeyPatch) -> None:
    def read_page(text: str, *rest: Any, **more: Any) -> Page:
        if "heron" in text:
            raise RecursionError("too deep")
        return html.read_page(text, *rest, **more)

    monkeypatch.setattr(warc, "read_page", read_page)
    pairs, unreadable = read(gzipped(RECORDS))
    assert [pair.caption for pair in pairs] == [f"a {word}" for word in WORDS if word != "heron"]
    assert [str(one) for one in unreadable] == [f"byte {len(gzipped(RECORDS[:3]))}: RecursionError: too deep"]


@pytest.mark.parametrize("coding", ["gzip", "deflate", "br"])
def test_a_body_that_decompresses_to_too_much_is_rejected(coding: str) -> None:
    folded = {"gzip": gzip.compress, "deflate": zlib.compress, "br": brotli.compress}[coding](b"x" * 1_000_000)
    counts: Counter[str] = Counter()
    assert read(body_of(folded, Content_Encoding=coding), counts) == ([], [])
    assert counts == {"pages.refused.too_large": 1}


@pytest.mark.parametrize(
    ("block", "reason"),
    [
        (answer(b"", "404 Not Found"), "http_404"),
        (answer(b"", "301 Moved", Location="/"), "http_301"),
        (answer(b"%PDF", Content_Type="application/pdf"), "not_html"),
        (answer(HTML, X_Robots_Tag="noai"), "noai"),
        (answer(HTML, Content_Usage="train-ai=n"), "content-usage"),
        (answer(b" " * 200_000), "too_large"),
    ],
)
def test_skipped_pages_have_a_reason(block: bytes, reason: str) -> None:
    counts: Counter[str] = Counter()
    assert read(record("response", URL, block), counts) == ([], [])
    assert counts[f"pages.refused.{reason}"] == 1


def test_a_page_without_url_is_rejected() -> None:
    counts: Counter[str] = Counter()
    read(page("dns:site.example", picture("crab")), counts)
    assert counts == {"pages.refused.bad_address": 1}


def test_records_other_than_responses_are_ignored() -> None:
    records = [
        record("request", URL, b"GET / HTTP/1.1\r\n\r\n", "application/http; msgtype=request"),
        record("response", "dns:site.example", b"20261103 1.2.3.4", "text/dns"),
    ]
    counts: Counter[str] = Counter()
    assert read(gzipped(records), counts) == ([], [])
    assert not counts


@pytest.mark.parametrize(
    "block",
    [
        b"no header at all",
        answer(b"\x1f\x8b nonsense", Content_Encoding="gzip"),
        answer(b"nonsense", Content_Encoding="br"),
        answer(b"nonsense", Content_Encoding="compress"),
        answer(gzip.compress(HTML * 1000)[:-100], Content_Encoding="gzip"),
        answer(gzip.compress(HTML)[:20], Content_Encoding="gzip", Transfer_Encoding="chunked"),
    ],
)
def test_a_bad_record_is_reported_by_offset_and_the_next_is_read(block: bytes) -> None:
    before, bad = page(URL, picture("crab")), record("response", URL, block)
    pairs, unreadable = read(gzipped([before, bad, page(URL, picture("newt"))]))
    assert [pair.caption for pair in pairs] == ["a crab", "a newt"]
    assert [u.offset for u in unreadable] == [len(gzipped([before]))]
    assert unreadable[0].reason


def test_a_damaged_part_is_reported_once_and_skipped() -> None:
    data = bytearray(gzipped(RECORDS))
    third = len(gzipped(RECORDS[:3]))
    data[third + 20 : third + 60] = b"\x1f\x8b\x08" * 13 + b"x"
    pairs, unreadable = read(bytes(data))
    assert [pair.caption for pair in pairs] == [f"a {word}" for word in WORDS if word != "heron"]
    assert len(unreadable) == 1
    assert unreadable[0].offset in (third, len(gzipped(RECORDS[:2])))


def test_damage_in_a_plain_archive_is_skipped_too() -> None:
    damaged = RECORDS[3].replace(b"Content-Length", b"Content-Lxngth").replace(b"WARC/1.0", b"WxRC/1.0")
    pairs, unreadable = read(b"".join([*RECORDS[:3], damaged, *RECORDS[4:]]))
    assert {pair.caption for pair in pairs} >= {"a crab", "a whale", "a otter", "a newt", "a shrew"}
    assert len(unreadable) == 1


@pytest.mark.parametrize("share", [0.3, 0.5, 0.9])
def test_a_truncated_archive_gives_its_complete_records(share: float) -> None:
    data = gzipped(RECORDS)
    pairs, unreadable = read(data[: int(share * len(data))])
    whole = sum(len(gzipped(RECORDS[: n + 1])) <= share * len(data) for n in range(1, len(RECORDS)))
    assert [pair.caption for pair in pairs] == [f"a {word}" for word in WORDS[:whole]]
    assert len(unreadable) == 1


def test_an_archive_truncated_after_a_large_record_is_reported() -> None:
    long = page(URL, picture("crab") + "<p>" + "x" * 3_000_000)
    counts: Counter[str] = Counter()
    whole = gzipped([RECORDS[1], long])
    _, unreadable = read(whole + gzipped([RECORDS[2]])[:40], counts)
    assert [u.offset for u in unreadable] == [len(whole)]
    assert counts["pages.refused.too_large"] == 1


@pytest.mark.parametrize("data", [b"", b"not an archive" * 100, b"\x1f\x8b\x08" * 100, bytes(1000)])
def test_a_file_that_is_not_an_archive_is_reported(data: bytes) -> None:
    pairs, unreadable = read(data)
    assert (pairs, [u.offset for u in unreadable]) == ([], [0])


@settings(max_examples=30, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from(range(1, len(RECORDS))), st.binary(min_size=1, max_size=30)), max_size=3),
    st.randoms(use_true_random=False),
)
def test_every_response_is_taken_refused_or_unreadable(damages: list[tuple[int, bytes]], chance: Random) -> None:
    records = [bytearray(one) for one in RECORDS]
    for number, replacement in damages:
        start = chance.randrange(RECORDS[number].index(b"HTTP/1.1"), len(RECORDS[number]) - 4)
        records[number][start : start + len(replacement)] = replacement[: len(records[number]) - 4 - start]
    counts: Counter[str] = Counter()
    _, unreadable = read(gzipped([bytes(one) for one in records]), counts)
    pages = sum(number for name, number in counts.items() if name.startswith("pages."))
    assert pages + len(unreadable) == len(WORDS)


@settings(max_examples=100, deadline=None)
@given(
    st.lists(st.tuples(st.floats(0, 1), st.binary(min_size=1, max_size=30)), min_size=1, max_size=3),
    st.booleans(),
)
def test_whatever_is_overwritten_nothing_is_raised(damages: list[tuple[float, bytes]], packed: bool) -> None:
    data = bytearray((gzipped if packed else b"".join)(RECORDS))
    for place, replacement in damages:
        start = int(place * len(data))
        data[start : start + len(replacement)] = replacement
    pairs, _ = read(bytes(data))
    assert len(pairs) <= len(WORDS)
