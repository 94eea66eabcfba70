import io
import json
from collections import Counter
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.pair import Pair
from components.crawl.sources.wat import Wat
from components.crawl.unreadable import Unreadable
from tests.crawl.conftest import knobs
from tests.crawl.sources.archives import gzipped, record

URL = "http://site.example/animals/page.html"
CRAB: dict[str, Any] = {"path": "IMG@/src", "url": "crab.png", "alt": " a  crab"}


def notes(links: list[dict[str, Any]], head: dict[str, Any] | None = None, **answer: Any) -> dict[str, Any]:
    html = {"Head": {"Title": "Sea animals"} | (head or {}), "Links": links}
    noted = {"Response-Message": {"Status": "200"}, "Headers": {"Server": "x"}, "HTML-Metadata": html} | answer
    noted = {name: value for name, value in noted.items() if value is not None}
    warc = {"WARC-Type": "response", "WARC-Target-URI": URL}
    payload = {"HTTP-Response-Metadata": noted, "Trailing-Slop-Length": "4"}
    return {"Container": {}, "Envelope": {"WARC-Header-Metadata": warc, "Payload-Metadata": payload}}


def noted(*several: Any) -> bytes:
    return gzipped([record("metadata", URL, json.dumps(one).encode(), "application/json") for one in several])


def read(data: bytes, counts: Counter[str] | None = None) -> tuple[list[Pair], list[Unreadable]]:
    found = list(Wat().read(io.BytesIO(data), "a.wat", knobs(), Counter() if counts is None else counts))
    return [f for f in found if isinstance(f, Pair)], [f for f in found if isinstance(f, Unreadable)]


def test_pictures_in_the_metadata_give_pairs() -> None:
    links = [
        {"path": "A@/href", "url": "/"},
        {"path": "IMG@/src", "url": "/logo.png"},
        CRAB,
        {"path": "IMG@/src", "url": "data:image/gif;base64,R0", "alt": "late"},
        {"path": "IMG@/src", "url": "javascript:x", "alt": "bad"},
    ]
    counts: Counter[str] = Counter()
    head = {"Metas": [{"http-equiv": "content-language", "content": "en-GB"}, {"charset": "utf-8"}]}
    assert read(noted(notes(links, head)), counts) == (
        [
            Pair(
                url="http://site.example/animals/crab.png",
                caption="a crab",
                page_url=URL,
                page_title="Sea animals",
                page_language="en-gb",
                site="site.example",
                position=1,
            )
        ],
        [],
    )
    dropped = {"no_text": 1, "data_uri": 1, "bad_address": 1}
    assert counts == {"pages.crawled": 1, "pairs.found": 1} | {f"pairs.dropped.{k}": n for k, n in dropped.items()}


def test_the_base_of_the_page_counts() -> None:
    pairs, _ = read(noted(notes([CRAB], {"Base": "http://cdn.example/img/"})))
    assert [pair.url for pair in pairs] == ["http://cdn.example/img/crab.png"]


def test_the_picture_that_a_page_is_shared_with_comes_last() -> None:
    metas = [{"property": "og:image", "content": "/shared.jpg"}, {"property": "og:title", "content": "Crabs"}]
    pairs, _ = read(noted(notes([CRAB], {"Metas": metas})))
    assert [(pair.url.rpartition("/")[2], pair.caption, pair.position) for pair in pairs] == [
        ("crab.png", "a crab", 0),
        ("shared.jpg", "Crabs", 1),
    ]


@pytest.mark.parametrize(
    ("header", "reason"),
    [
        ({"X-Robots-Tag": "noai"}, "noai"),
        ({"x-robots-tag": ["all", "noai"]}, "noai"),
        ({"TDM-Reservation": "1"}, "tdm-reservation"),
        ({"Content-Usage": "train-ai=n"}, "content-usage"),
    ],
)
def test_a_refusing_header_is_obeyed(header: dict[str, Any], reason: str) -> None:
    counts: Counter[str] = Counter()
    assert read(noted(notes([CRAB], Headers=header)), counts) == ([], [])
    assert counts[f"pages.refused.{reason}"] == 1


@pytest.mark.parametrize(
    "meta",
    [
        {"name": "robots", "content": "noimageindex"},
        {"http-equiv": "X-Robots-Tag", "content": "noindex;"},
    ],
)
def test_a_refusing_meta_is_obeyed(meta: dict[str, str]) -> None:
    assert read(noted(notes([CRAB], {"Metas": [meta]}))) == ([], [])


@pytest.mark.parametrize(
    ("one", "reason"),
    [
        (notes([CRAB], **{"Response-Message": {"Status": "404"}}), "http_404"),
        (notes([CRAB], **{"HTML-Metadata": None}), "not_html"),
    ],
)
def test_skipped_pages_have_a_reason(one: dict[str, Any], reason: str) -> None:
    counts: Counter[str] = Counter()
    assert read(noted(one), counts) == ([], [])
    assert counts == {f"pages.refused.{reason}": 1}


def test_metadata_of_requests_are_ignored() -> None:
    request = {"Envelope": {"WARC-Header-Metadata": {"WARC-Type": "request"}, "Payload-Metadata": {}}}
    counts: Counter[str] = Counter()
    assert read(noted(request, {}, notes([CRAB])), counts)[1] == []
    assert counts["pages.crawled"] == counts.total() - counts["pairs.found"] == 1


@pytest.mark.parametrize("bad", ["no object", notes([CRAB], Headers={"X-Robots-Tag": 7})])
def test_unreadable_metadata_are_reported_by_offset(bad: Any) -> None:
    pairs, unreadable = read(noted(notes([CRAB]), bad, notes([CRAB])))
    assert (len(pairs), [u.offset for u in unreadable]) == (2, [len(noted(notes([CRAB])))])


NEST = "[" * 50_000 + "]" * 50_000


@pytest.mark.parametrize("place", ['"Server": ', '"Links": ', '"Title": ', '"Status": ', '"url": ', '"Envelope": '])
def test_deep_nesting_costs_only_its_record(place: str) -> None:
    good = json.dumps(notes([CRAB]))
    deep = good.replace(place, f"{place}{NEST}, {place}", 1)
    data = [record("metadata", URL, one.encode(), "application/json") for one in (good, deep, good)]
    pairs, unreadable = read(gzipped(data))
    assert (len(pairs), [u.offset for u in unreadable]) == (2, [len(gzipped(data[:1]))])


@pytest.mark.parametrize("half", ["\ud83d", "\udd80"])
def test_half_a_character_is_left_out(half: str) -> None:
    links = [CRAB | {"alt": f"a {half} crab"}, CRAB | {"alt": r"a \ud83d \ud83d\udd80 \\ud83d crab 🦀"}]
    pairs, unreadable = read(noted(notes(links, {"Title": f"Sea {half} animals"})))
    assert [pair.caption for pair in pairs] == ["a crab", r"a \ud83d \ud83d\udd80 \\ud83d crab 🦀"]
    assert (pairs[0].page_title, unreadable) == ("Sea animals", [])


def test_what_is_null_is_not_there() -> None:
    counts: Counter[str] = Counter()
    links = [CRAB | {"url": None}, CRAB | {"path": None}, CRAB | {"alt": None}]
    assert read(noted(notes(links, {"Metas": None, "Title": None, "Base": None})), counts) == ([], [])
    assert counts["pairs.dropped.no_source"] == counts["pairs.dropped.no_text"] == 1
    none = (
        json.dumps(notes([CRAB]))
        .replace('"Links": [', '"Links": null, "": [')
        .replace('"Head": {', '"Head": null, "-": {')
    )
    assert read(gzipped([record("metadata", URL, none.encode(), "application/json")]), counts)[1] == []


def test_a_status_may_be_a_number_but_no_reason_of_any_length() -> None:
    assert len(read(noted(notes([CRAB], **{"Response-Message": {"Status": 200}})))[0]) == 1
    counts: Counter[str] = Counter()
    read(noted(*(notes([CRAB], **{"Response-Message": {"Status": one}}) for one in ("", "x" * 500, 10**30))), counts)
    assert counts == {"pages.refused.http_unknown": 3}


def test_metadata_far_longer_than_a_page_may_be_are_refused() -> None:
    counts: Counter[str] = Counter()
    assert read(noted(notes([CRAB] * 10_000), notes([CRAB])), counts)[1] == []
    assert counts == {"pages.refused.too_large": 1, "pages.crawled": 1, "pairs.found": 1}


def test_numbers_in_other_headers_do_not_matter() -> None:
    headers = {"Content-Length": 7, "X-Robots-Tag": ["all"], "Date": None}
    assert len(read(noted(notes([CRAB], Headers=headers)))[0]) == 1


@settings(max_examples=50, deadline=None)
@given(st.integers(0, 5_000), st.binary(min_size=1, max_size=20) | st.sampled_from([b"[" * 3_000, b"\\ud800", b"null"]))
def test_whatever_is_overwritten_a_record_is_taken_refused_or_unreadable(place: int, change: bytes) -> None:
    good = json.dumps(notes([CRAB, *LINKS])).encode()
    start = place % len(good)
    bad = good[:start] + change + good[start + len(change) :]
    data = gzipped([record("metadata", URL, one, "application/json") for one in (good, bad, good)])
    counts: Counter[str] = Counter()
    _, unreadable = read(data, counts)
    pages = sum(number for name, number in counts.items() if name.startswith("pages."))
    assert 2 <= pages + len(unreadable) <= 3  # 2 if what is overwritten says that it is a response


@pytest.mark.parametrize(
    ("written", "instead", "change"),
    [
        ('"Sea animals"', '"Sea animals\\ud83d"', "characters"),
        ('"Sea animals"', '"Sea\x01 animals"', "characters"),
        ('"Server": "x"', '"Server": "\\udc00"', "characters"),
        ('"Server": "x"', '"Server": NaN, "n": 1e999', ""),
        ('"Trailing-Slop-Length": "4"', '"text": "caf\xe9"', ""),
        ('"Trailing-Slop-Length": "4"', f'"n": {"9" * 5000}', ""),
        ('[{"path"', '[{"path": 7}, 7, {"path"', ""),
        ('[{"path"', '[{"path": "IMG@/src", "url": 7, "alt": "x"}, {"path"', "wrong_type"),
        ('[{"path"', '[{"path": "IMG@/src", "url": "x.png", "alt": ["x", 7]}, {"path"', "list"),
    ],
)
def test_what_strict_parsers_refuse_costs_only_itself(written: str, instead: str, change: str) -> None:
    text = json.dumps(notes([CRAB])).replace(written, instead)
    assert instead in text
    archive = gzipped([record("metadata", URL, text.encode("latin-1"), "application/json")])
    counts: Counter[str] = Counter()
    pairs, unreadable = read(archive, counts)
    assert (pairs[-1].caption, pairs[-1].page_title, unreadable) == ("a crab", "Sea animals", [])
    assert {name for name in counts if name.startswith("cleaned.")} == ({f"cleaned.{change}"} if change else set())


@pytest.mark.parametrize("deep", ["[", '{"a":'])
def test_a_record_that_is_nested_too_deeply_is_unreadable(deep: str) -> None:
    text = json.dumps(notes([CRAB])).replace('"Sea animals"', deep * 20_000)
    pairs, unreadable = read(
        gzipped([record("metadata", URL, text.encode(), "application/json")]) + noted(notes([CRAB]))
    )
    assert (len(pairs), len(unreadable)) == (1, 1)


LINKS: list[dict[str, Any]] = [
    {"path": "A@/href", "url": "/", "text": '{"path":"IMG@/src","url":"no.png","alt":"within a text"}'},
    {"path": "IMG@/src", "url": "a.png", "alt": 'curly },{"path":" and [straight]}]'},
    {"path": "IMG@/longdesc", "url": "no.html"},
    {"path": "IMG@/src", "url": "b.png", "title": "},{", "alt": "b"},
    {"url": "c.png", "alt": "c", "path": "IMG@/src"},
    {"path": "SCRIPT@/src", "url": "no.js"},
]


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": "), (" ,\n", " : ")])
@pytest.mark.parametrize("shift", range(len(LINKS)))
@pytest.mark.parametrize("number", range(1, len(LINKS) + 1))
def test_pictures_are_found_among_links_however_these_are_written(
    separators: tuple[str, str], shift: int, number: int
) -> None:
    links = (LINKS[shift:] + LINKS[:shift])[:number]
    block = json.dumps(notes(links), separators=separators).encode()
    pairs, bad = read(gzipped([record("metadata", URL, block, "application/json")]))
    pictures = [link for link in links if link["path"] == "IMG@/src"]
    assert [(pair.url.rpartition("/")[2], pair.caption) for pair in pairs] == [(p["url"], p["alt"]) for p in pictures]
    assert not bad


def test_nested_links_are_ignored() -> None:
    nested = CRAB | {"more": [{"path": "A@/href"}, {"path": "IMG@/longdesc"}]}
    block = json.dumps(notes([nested, CRAB]), separators=(",", ":")).encode()
    pairs, bad = read(gzipped([record("metadata", URL, block, "application/json")]))
    assert [pair.position for pair in pairs] == [0, 1]
    assert not bad


def test_metadata_in_invalid_utf_8_are_reported_by_offset() -> None:
    good = noted(notes([CRAB]))
    bad = gzipped([record("metadata", URL, json.dumps(notes([CRAB])).encode().replace(b"a  crab", b"\xba crab"))])
    pairs, unreadable = read(good + bad + good)
    assert (len(pairs), [u.offset for u in unreadable]) == (2, [len(good)])
