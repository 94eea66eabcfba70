from collections import Counter

import pytest

from components.crawl.pair import Pair
from components.crawl.pair_filters import keep, pair_filters
from tests.crawl.conftest import knobs

URL = "http://a.example/1.png"


def reason(text: str, language: str = "", **changes: object) -> str | None:
    """Why a text is dropped."""
    filters = pair_filters(knobs(**{"min_text": 2, "languages": ["en"]} | changes))
    counts: Counter[str] = Counter({"pairs.found": 1})
    kept = list(keep([Pair(URL, text, page_language=language)], filters, counts))
    (name,) = (name for name, number in counts.items() if number)
    assert bool(kept) == (name == "pairs.found")
    return None if kept else name.removeprefix("pairs.dropped.")


@pytest.mark.parametrize(
    "text",
    [
        "crab",
        "a red crab on the beach",
        "python-original-wordmark",
        "file-type-python",
        "java 8",
        "5 apples",
        "PNG logo of a bank",
        "The image of a saint",
        "logo of Ferrari",
        "Web 2.0",
        "1984 by George Orwell",
        "photo of Tokyo at night, 2019",
        "P. D. James",
        "U2",
        "visit www.example.org today",
    ],
)
def test_texts_that_say_something_stay(text: str) -> None:
    assert reason(text) is None


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("x", "too_short"),
        ("crab.png", "file_name"),
        ("my red crab.JPG", "file_name"),
        ("IMG_1234", "file_name"),
        ("DSC00012", "file_name"),
        ("image 3", "file_name"),
        ("Screenshot 2024-01-01 at 10.11.12", "file_name"),
        ("20190412_101112", "file_name"),
        ("3f2a9b04-77aa-4c1e-9d52-0f3e", "file_name"),
        ("https://a.example/x", "address"),
        ("me@a.example", "address"),
        ("image", "says_nothing"),
        ("Featured image", "says_nothing"),
        ("*", "too_short"),
        ("***", "says_nothing"),
        ("Untitled.", "says_nothing"),
    ],
)
def test_texts_that_say_nothing_are_dropped_by_reason(text: str, why: str) -> None:
    assert reason(text) == why


@pytest.mark.parametrize(
    ("text", "page", "why"),
    [
        ("Blick auf den alten Hafen von Hamburg", "", "language"),
        ("Blick auf den alten Hafen von Hamburg", "en-us", "language"),
        ("浜辺の赤いカニ", "", "language"),
        ("view over the old harbour of Hamburg", "de", None),
        ("Hafen", "de-de", "language"),
        ("Hafen", "", None),
        ("crab", "en-gb", None),
        ("São Tomé", "", None),
    ],
)
def test_a_text_is_of_its_own_language_or_of_its_pages(text: str, page: str, why: str | None) -> None:
    assert reason(text, page) == why


def test_without_languages_all_stay() -> None:
    assert reason("Blick auf den alten Hafen von Hamburg", "de", languages=[]) is None


@pytest.mark.parametrize("text", ["a " * 500, "1" * 1000, "_-" * 500 + "x", "x" * 999 + ".pn", "a.png " * 200])
def test_no_text_takes_long(text: str) -> None:
    reason(text)
