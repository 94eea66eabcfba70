"""Reads bodies of pages for tests."""

from typing import Any

from components.crawl.pages.html import read_page
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from tests.crawl.conftest import knobs

URL = "http://site.example/animals/page.html"


def read(body: str, **changes: Any) -> Page:
    return read_page(f"<!doctype html><title>Sea</title><body>{body}", URL, (), knobs(**changes))


def only(body: str, **changes: Any) -> Pair:
    page = read(body, **changes)
    assert page.dropped == {}
    (pair,) = page.pairs
    return pair


def path(body: str, **changes: Any) -> str:
    return only(body, **changes).url.removeprefix("http://site.example/animals/")
