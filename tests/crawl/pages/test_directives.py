import time
from collections.abc import Mapping, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.crawl.pages.directives import (
    HEADERS,
    PICTURE_REFUSALS,
    header_values,
    read_header,
    read_metas,
    refusal,
)


def read(headers: Mapping[str, Sequence[str]]) -> frozenset[str]:
    return read_header(header_values(lambda name: headers.get(name, ())), "test-crawl")


@pytest.mark.parametrize(
    ("values", "directives"),
    [
        (["noindex"], {"noindex"}),
        (["noindex, NOFOLLOW"], {"noindex", "nofollow"}),
        (["none"], {"noindex", "nofollow"}),
        (["noai", "noimageai"], {"noai", "noimageai"}),
        (["otherbot: noindex, nofollow"], set()),
        (["test-crawl: noindex, nofollow"], {"noindex", "nofollow"}),
        (["*: noindex"], {"noindex"}),
        (["otherbot: noindex, test-crawl: nofollow"], {"nofollow"}),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST"], set()),
        (["unavailable_after: 25 Jun 2030 15:00:00 PST, noindex"], {"noindex"}),
        (["max-image-preview:none, max-snippet:-1"], set()),
        (["otherbot: max-image-preview:large, noindex"], set()),
        (["otherbot: noindex", "noai"], {"noai"}),
        (["otherbot: noindex\nnoai"], {"noai"}),
        (["index, follow, all, noarchive, nosnippet"], set()),
        ([""], set()),
    ],
)
def test_a_header_applies_to_all_robots_or_to_the_named_one(values: list[str], directives: set[str]) -> None:
    assert read_header(values, "test-crawl") == directives


@pytest.mark.parametrize("name", ["robots", "test-crawl"])
def test_a_meta_element_for_us_is_read(name: str) -> None:
    assert read_metas([("viewport", "noai"), (name, "noindex,NoFollow")], "test-crawl") == {"noindex", "nofollow"}


@pytest.mark.parametrize("name", ["googlebot", "description", ""])
def test_a_meta_element_for_others_is_not(name: str) -> None:
    assert read_metas([(name, "noindex")], "test-crawl") == set()


@pytest.mark.parametrize(
    ("value", "directives"), [("1", {"tdm-reservation"}), (" 1 ", {"tdm-reservation"}), ("0", set())]
)
def test_a_reservation_from_text_and_data_mining_is_a_directive(value: str, directives: set[str]) -> None:
    assert read_metas([("tdm-reservation", value)], "test-crawl") == directives
    headers = {"x-robots-tag": ["nofollow"], "tdm-reservation": [value]}
    assert read(headers) == directives | {"nofollow"}


@pytest.mark.parametrize("value", ["1", '"1"', "1;", "true", "yes", "\N{ZERO WIDTH SPACE}1", "reserved"])
def test_a_reservation_is_read_as_one_unless_it_denies_it(value: str) -> None:
    assert read({"tdm-reservation": [value]}) == {"tdm-reservation"}


@pytest.mark.parametrize(
    "value",
    [
        "noindex nofollow",
        "noindex;",
        '"noindex"',
        "\N{LEFT DOUBLE QUOTATION MARK}noindex\N{RIGHT DOUBLE QUOTATION MARK}",
        "test-crawl/0.1: noindex",
        "Test-Crawl : NOINDEX",
        "test-crawl: noindex, googlebot: none",
        "googlebot: all, test-crawl: noindex",
        "googlebot, test-crawl: noindex",
        "test-crawl, googlebot: noindex",
        "test-crawl*: noindex",
        "test*: noindex",
        "Mozilla/5.0 (compatible; test-crawl/0.1): noindex",
        "X-Robots-Tag: noindex",
        "robots: noindex",
        "all: noindex",
        ": noindex",
        "noindex: 1",
        "noindex=true",
        "index, noindex",
        "no-index",
        "no_index",
        "no index",
        "[noindex]",
        "\t noindex\x0b",
        "\N{NO-BREAK SPACE}noindex\N{EM SPACE}",
        "\N{ZERO WIDTH NO-BREAK SPACE}noindex",
        "no\N{SOFT HYPHEN}index",
        "\N{FULLWIDTH LATIN SMALL LETTER N}oindex",
        "unavailable_after: 2030-06-25T15:00:00Z, noindex",
        "googlebot noindex",
    ],
)
def test_what_may_be_meant_for_us_is(value: str) -> None:
    assert "noindex" in read({"x-robots-tag": [value]})
    assert "noindex" in read_metas([("x-robots-tag", value)], "test-crawl")


@pytest.mark.parametrize(
    "value",
    [
        "googlebot: noindex",
        "googlebot : noindex, nofollow",
        "googlebot/2.1: noindex",
        "googlebot: noindex, bingbot: none",
        "not-test-crawl: noindex",
        "test-crawler: noindex",
    ],
)
def test_what_is_meant_for_others_is_not_for_us(value: str) -> None:
    assert read({"x-robots-tag": [value]}) == set()


@pytest.mark.parametrize(
    ("spelling", "directive"),
    [
        ("no-ai", "noai"),
        ("NOAI", "noai"),
        ("noml", "noai"),
        ("DisallowAITraining", "noai"),
        ("no-image-ai", "noimageai"),
        ("noimageindex", "noimageindex"),
        ("no-imageindex", "noimageindex"),
        ("tdm-reservation", "tdm-reservation"),
    ],
)
def test_directives_have_several_spellings(spelling: str, directive: str) -> None:
    assert read({"x-robots-tag": [spelling]}) == read_metas([("robots", spelling)], "test-crawl") == {directive}


@pytest.mark.parametrize("name", [" Robots", "robots, googlebot", "test-crawl/1.0", "TEST-CRAWL"])
def test_the_name_of_a_meta_element_is_read_leniently(name: str) -> None:
    assert read_metas([(name.strip().lower(), "googlebot: noindex;")], "test-crawl") == {"noindex"}


@pytest.mark.parametrize("header", ["content-usage", "content-signal"])
@pytest.mark.parametrize(
    ("value", "forbidden"),
    [
        ("train-ai=n", True),
        ("search=y, train-ai=n", True),
        ("TRAIN-AI = N;x=1", True),
        ('train-ai="n"', True),
        ("train-ai=?0", True),
        ("ai-train=no", True),
        ("tdm=n", True),
        ("bots=n", True),
        ("train-ai=y, train-ai=n", True),
        ("train-ai=y", False),
        ("search=n", False),
        ("train-ai", False),
        ("", False),
    ],
)
def test_usage_preferences_are_obeyed(header: str, value: str, forbidden: bool) -> None:
    directives = {"content-usage"} if forbidden else set()
    assert read({header: [value]}) == read_metas([(header, value)], "test-crawl") == directives


@given(st.text(max_size=20), st.sampled_from(PICTURE_REFUSALS))
def test_nothing_around_a_directive_hides_it_but_another_robots_name(text: str, directive: str) -> None:
    around = text.replace(":", "")
    assert directive in read({"x-robots-tag": [f"{around}, {directive}; {around}"]})
    assert directive in read_metas([("robots", f"{text}, {directive}; {text}")], "test-crawl")


@given(st.lists(st.text(max_size=20), max_size=5), st.lists(st.text(max_size=20), max_size=5))
def test_no_value_is_an_error(values: list[str], names: list[str]) -> None:
    known = {*PICTURE_REFUSALS, "nofollow"}
    assert read(dict.fromkeys(HEADERS, values)) <= known
    assert read_metas(zip(names, values, strict=False), "test-crawl") <= known


@pytest.mark.parametrize(
    "piece", ["a", "no", " ", ":", "a:", "-", "=", "n=", "\N{ZERO WIDTH SPACE}", "\ufdfa", "max-snippet:"]
)
def test_time_is_proportional_to_the_length(piece: str) -> None:
    start = time.process_time()
    value = piece * (50_000 // len(piece))
    read({name: [value] for name in HEADERS})
    read_metas([("robots", value), (value, "x"), ("content-usage", value)], "test-crawl")
    assert time.process_time() - start < 5  # some 0.1 s; minutes if it grew with the square


def test_pictures_are_refused_by_the_first_directive_that_concerns_them() -> None:
    assert refusal(frozenset({"nofollow", "noimageai", "noindex"})) == "noindex"
    assert refusal(frozenset({"noimageai"})) == "noimageai"
    assert refusal(frozenset({"nofollow", "noarchive"})) is None
