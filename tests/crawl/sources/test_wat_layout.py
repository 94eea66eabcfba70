"""What Common Crawl's WAT extractor writes for each attribute (ia-web-commons)."""

from collections import Counter
from typing import Any

import pytest

from components.crawl.pair import Pair
from tests.crawl.sources.test_wat import CRAB, noted, notes, read


def pairs_of(links: list[dict[str, Any]], metas: list[dict[str, Any]] | None = None) -> list[Pair]:
    """The pairs of a page as the extractor describes it."""
    head = {"Metas": metas or [], "Link": [{"path": "LINK@/href", "url": "/s.css", "rel": "stylesheet"}], "Scripts": []}
    pairs, unreadable = read(noted(notes(links, head)))
    assert not unreadable
    return pairs


@pytest.mark.parametrize(
    ("picture", "text"),
    [
        ({"title": "a title"}, "a title"),
        ({"alt": "", "title": "a title"}, "a title"),
        ({"alt": " \n", "title": " a\n title "}, "a title"),
        ({"alt": "a crab", "title": "a title"}, "a crab"),
        ({"title": ["a title", 7]}, "a title"),
        ({"alt": None, "title": None}, None),
        ({"title": 7}, None),
    ],
)
def test_the_title_of_a_picture_is_its_text_where_there_is_no_alt_text(picture: dict[str, Any], text: str) -> None:
    other = {"path": "A@/href", "url": "/", "title": "of a link", "text": "home"}
    pairs = pairs_of([{"path": "IMG@/src", "url": "crab.png"} | picture, other])
    assert [pair.caption for pair in pairs] == ([] if text is None else [text])


def test_a_picture_without_any_text_is_counted() -> None:
    counts: Counter[str] = Counter()
    read(noted(notes([{"path": "IMG@/src", "url": "crab.png", "title": " "}])), counts)
    assert counts["pairs.dropped.no_text"] == 1


@pytest.mark.parametrize(
    ("metas", "language"),
    [
        ([{"name": "HTML@/lang", "content": "es-MX"}], "es-mx"),
        ([{"name": "HTML@/xml:lang", "content": "es"}], "es"),
        ([{"name": "HTML@/lang", "content": "en"}, {"name": "HTML@/xml:lang", "content": "es"}], "en"),
        ([{"name": "HTML@/xml:lang", "content": "es"}, {"name": "HTML@/lang", "content": "en"}], "en"),
        ([{"name": "HTML@/lang", "content": "en"}, {"http-equiv": "Content-Language", "content": "es"}], "en"),
        ([{"name": "HTML@/lang", "content": ""}, {"http-equiv": "Content-Language", "content": "es"}], "es"),
        ([{"name": "HTML@/lang", "content": "{{ lang }}"}], ""),
        ([{"name": "HTML@/lang"}], ""),
        ([{"name": "language", "content": "en"}], ""),
        ([], ""),
    ],
)
def test_the_language_of_a_page_is_that_of_its_root_element(metas: list[dict[str, str]], language: str) -> None:
    assert [pair.page_language for pair in pairs_of([CRAB], metas)] == [language]
