"""The page of the crawl, from shards that were written and measures that belong to them."""

import html
import re
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from components.crawl.reasons import explain
from components.report.crawl_page import by_kind, funnel, losses, write_crawl_page
from components.report.report import write_report
from components.storage.json_files import write_json
from tests.report.conftest import HOSTILE, write_shards

MEASURES: dict[str, Any] = {
    "sites": 2,
    "files": {"read": 3, "unreadable_records": 5},
    "pages": {"crawled": 1234, "refused": {"http_404": 17, "not_html": 8}},
    "pairs": {"found": 2000, "dropped": {"no_text": 300, "language": 40, "boilerplate": 120, "duplicate_address": 80}},
    "pictures": {"attempted": 1800, "success": 1500, "failed": {"timeout": 200, "noai": 90, "http_404": 10}},
    "parts": 2,
    "shards": 2,
}
TIMING: dict[str, Any] = {
    "start": 1_790_000_000,
    "end": 1_790_000_100,
    "seconds": 50.0,
    "pictures": 1700,
    "taken": 1500,
    "kept": 100,
    "bytes": 125_000_000,
    "requests": 1900,
    "retries": 23,
    "parts": [
        {"first_shard": 0, "start": 1_790_000_000, "end": 1_790_000_025, "seconds": 25.0, "pictures": 850},
        {"first_shard": 1, "start": 1_790_000_075, "end": 1_790_000_100, "seconds": 25.0, "pictures": 850},
    ],
    "hosts": {
        "slowest": [{"host": "slow.example", "requests": 40, "seconds": 130.0, "retries": 4, "failures": {}}],
        "failing": [
            {"host": f"{HOSTILE}.example", "requests": 60, "seconds": 1.0, "retries": 0, "failures": {"timeout": 33, "noai": 7}}
        ],
    },
}  # fmt: skip


@pytest.fixture
def world(tmp_path: Path) -> Path:
    write_shards(tmp_path / "data")
    write_json(tmp_path / "metrics" / "crawl.json", MEASURES)
    write_json(tmp_path / "metrics" / "timing" / "crawl.json", TIMING)
    return tmp_path


def written(world: Path) -> str:
    path = write_crawl_page(world / "data", world / "metrics", world / "reports")
    assert path is not None
    return path.read_text(encoding="utf-8")


def visible(page: str) -> str:
    """What a reader sees: without style and tags, white space collapsed."""
    text = re.sub(r"<[^>]*>", " ", re.sub(r"<style>.*?</style>", "", page, flags=re.DOTALL))
    return " ".join(html.unescape(text).split())


def bars(page: str) -> dict[str, tuple[float, str]]:
    """(width of the bar in percent, number next to it) by label."""
    found = re.findall(r'class="label" title="([^"]*)".*?width:([\d.]+)%.*?class="value">([\d,]+)', page)
    return {label: (float(width), value) for label, width, value in found}


def test_the_funnel_adds_up() -> None:
    levels = funnel(MEASURES)
    assert [(level.name, level.count) for level in levels] == [
        ("pictures seen", 2340),
        ("pairs found", 2000),
        ("requested", 1800),
        ("taken", 1500),
    ]
    for above, below in pairwise(levels):
        assert above.count - sum(loss.count for loss in below.losses) == below.count
        assert below.note == ""


def test_pictures_taken_over_from_other_shards_are_reported() -> None:
    pictures = MEASURES["pictures"] | {"attempted": 1850}
    assert funnel(MEASURES | {"pictures": pictures})[2].note == "50 of them from shards that were taken over"


def test_every_figure_of_the_measures_is_on_the_page(world: Path) -> None:
    page = written(world)
    seen = visible(page)
    assert bars(page)["pictures seen"] == (100.0, "2,340")
    assert bars(page)["requested"] == (76.9, "1,800")
    assert bars(page)["taken"] == (64.1, "1,500")
    for said in (
        "2 sites",
        "1,234 pages read",
        "3 files read",
        "5 records in files that could not be read",
        "1,500 pictures taken",
        "83.3 % of those requested",
        "no text no_text 300 Nothing says what the picture shows",
        "another language language 40",
        "languages and language_certainty",
        "boilerplate boilerplate 120",
        "took too long timeout 200 11.1 %",
        "noai noai 90 5.0 %",
        "not found (404) http_404 10 0.6 %",
        "no web page not_html 8",
        "2 parts, 2 shards",
    ):
        assert said in seen


def test_losses_have_an_example_and_are_under_their_kind(world: Path) -> None:
    page = visible(written(world))
    meaning, fix = explain("timeout").meaning, explain("timeout").fix
    example = f"timeout 200 11.1 % {meaning} {fix} http://a.example/6.png?{HOSTILE}"
    assert example in page
    assert (
        page.index("they count towards max_error_share")
        < page.index("took too long timeout 200")
        < page.index("Not allowed")
    )
    assert page.index("Not allowed") < page.index("noai noai 90") < page.index("Not there")


def test_times_are_on_the_page(world: Path) -> None:
    page = written(world)
    seen = visible(page)
    for said in (
        "34.0 pictures requested a second",  # 1,700 in 50 s
        "2.50 MB served a second",
        "from 2026-09-21 14:13:20 to 2026-09-21 14:15:00 UTC; parts were under way for 50.0 s",
        "1,900 requests were made, 23 of them retries",
        "100 pictures had been finished by an earlier run",
        "slow.example 3.25 40 4",
        f"{HOSTILE}.example 40 60 33 took too long 7 noai",
    ):
        assert said in seen
    assert re.findall(r"<rect class=\"column\"[^>]*><title>(from shard[^<]*)", page) == [
        "from shard 00000: 25.0 s, 850 pictures, 34/s",
        "from shard 00001: 25.0 s, 850 pictures, 34/s",
    ]


def test_of_very_many_parts_the_page_says_how_many_took_how_long(world: Path) -> None:
    parts = [TIMING["parts"][0] | {"first_shard": n, "seconds": 10.0 if n < 70 else 100.0} for n in range(80)]
    write_json(world / "metrics" / "timing" / "crawl.json", TIMING | {"parts": parts})
    page = written(world)
    assert "How long 80 parts took" in page
    assert "<title>8 to 12: 70</title>" in page
    assert "<title>96 to 128: 10</title>" in page


def test_what_was_taken_is_described(world: Path) -> None:
    page = written(world)
    seen = visible(page)
    assert "All 12 pictures of the shards." in seen
    assert bars(page)["png"] == (100.0, "12")
    assert {name: bars(page)[name][1] for name in ("en", "de", "unknown")} == {"en": "6", "de": "4", "unknown": "2"}
    assert "a.example 6 75 %" in seen
    assert f"{HOSTILE} 2 1" in seen  # the only text that several pictures have
    assert "picture 1 of 0 1" not in seen
    assert "2 pictures are byte for byte the same as an earlier one" in seen
    assert "<title>64 to 96: 12</title>" in page
    assert page.count('<figure><img src="data:image') == 2  # one of each site


def test_words_of_the_web_are_escaped_and_nothing_is_requested_from_outside(world: Path) -> None:
    page = written(world)
    assert HOSTILE not in page
    assert html.escape(HOSTILE) in page
    assert "<script" not in page
    assert re.findall(r'(?:src|href)="(?!data:|#|index\.html")[^"]*"', page) == []
    assert "url(" not in page


def test_the_same_inputs_give_the_same_bytes(world: Path) -> None:
    assert written(world) == written(world)


def test_without_times_and_duplicates_their_sections_are_absent(world: Path) -> None:
    (world / "metrics" / "timing" / "crawl.json").unlink()
    page = written(world)
    assert "Speed and hosts" not in page
    assert "a second" not in page
    assert "Duplicates" not in page


def test_duplicates_are_shown_however_the_measures_nest_them(world: Path) -> None:
    write_json(world / "metrics" / "crawl.json", MEASURES | {"duplicates": {"exact": 12, "near_copies": {"groups": 5}}})
    seen = visible(written(world))
    assert (
        "Duplicates Pictures that repeat another one of the crawl. exact 12 near copies · groups 5"
        in seen.partition("byte for byte")[2]
    )


def test_a_crawl_that_took_nothing_has_no_empty_sections(tmp_path: Path) -> None:
    nothing = {
        "sites": 0,
        "files": {"read": 0, "unreadable_records": 0},
        "pages": {"crawled": 0, "refused": {}},
        "pairs": {"found": 0, "dropped": {}},
        "pictures": {"attempted": 0, "success": 0, "failed": {}},
        "parts": 0,
        "shards": 0,
    }
    write_json(tmp_path / "metrics" / "crawl.json", nothing)
    page = written(tmp_path)
    assert re.findall(r'<section id="(\w+)"', page) == ["funnel"]
    assert bars(page) == {"requested": (0.0, "0"), "taken": (0.0, "0")}


def test_before_any_crawl_there_is_no_page_and_no_link_to_one(tmp_path: Path) -> None:
    (tmp_path / "reports").mkdir()
    (tmp_path / "reports" / "crawl.html").write_text("of an older run", encoding="utf-8")
    index = write_report(tmp_path / "data", tmp_path / "metrics", tmp_path / "reports")
    assert not (tmp_path / "reports" / "crawl.html").exists()
    assert "crawl.html" not in index.read_text(encoding="utf-8")


def test_the_report_links_to_the_page(world: Path) -> None:
    index = write_report(world / "data", world / "metrics", world / "reports")
    assert 'href="crawl.html"' in index.read_text(encoding="utf-8")
    assert 'href="index.html"' in (world / "reports" / "crawl.html").read_text(encoding="utf-8")


def test_a_reason_that_is_not_known_is_shown_by_its_name() -> None:
    ((title, members),) = by_kind(losses({"something_new": 3}))
    assert title == "There, but unsuitable"
    assert [(loss.reason.title, loss.reason.meaning, loss.count) for loss in members] == [("something new", "", 3)]
