"""The links that a spider remembers for its next level."""

import io
import random
from pathlib import Path

import pytest

from components.crawl.pages.page import Page
from components.crawl.sites import spider
from components.crawl.sites.spider import SiteSpider
from components.crawl.sites.spider_job import SpiderJob
from tests.crawl.conftest import knobs

HOST = "site.example"


def make(monkeypatch: pytest.MonkeyPatch, pages: int, slack: int = 5) -> SiteSpider:
    monkeypatch.setattr(spider, "_SLACK", slack)
    return SiteSpider(SpiderJob(HOST, (), Path(), knobs(pages=pages)), io.StringIO())


def links(numbers: range) -> tuple[str, ...]:
    found = [f"http://{HOST}/{number:05d}.html" for number in numbers]
    random.Random(len(found)).shuffle(found)
    return tuple(found)


def test_a_level_is_the_same_as_if_all_links_were_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    one = make(monkeypatch, pages=10)
    for start in range(0, 5_000, 500):
        one._collect(Page(links=links(range(start, start + 500))))
        assert len(one._frontier) <= 2 * 10 + 5
    assert one._next_level() == sorted(links(range(10)))
    assert one.refused["beyond_page_limit"] == 5_000 - 10


def test_links_are_counted_once_while_they_are_few(monkeypatch: pytest.MonkeyPatch) -> None:
    one = make(monkeypatch, pages=10)
    for _ in range(3):
        one._collect(Page(links=links(range(20))))
    assert len(one._next_level()) == 10
    assert one.refused["beyond_page_limit"] == 10


def test_links_that_a_page_has_beyond_all_bounds_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    one = make(monkeypatch, pages=10)
    one._collect(Page(links=links(range(3)), links_left=7))
    assert one.counts()["refused"] == {"beyond_page_limit": 7}


def test_pages_that_were_reached_by_another_address_do_not_take_the_place_of_others(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = make(monkeypatch, pages=10)
    one._collect(Page(links=links(range(500))))
    one._visited.update(sorted(links(range(5))))
    assert one._next_level() == sorted(links(range(5, 15)))
