import pytest

from components.crawl.pages.directives import header_values, read_header, read_metas, refusal


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
        (["unavailable_after: 25 Jun 2030 15:00:00 PST"], {"unavailable_after: 25 jun 2030 15:00:00 pst"}),
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
    assert read_header(header_values(["nofollow"], [value]), "test-crawl") == directives | {"nofollow"}


def test_pictures_are_refused_by_the_first_directive_that_concerns_them() -> None:
    assert refusal(frozenset({"nofollow", "noimageai", "noindex"})) == "noindex"
    assert refusal(frozenset({"noimageai"})) == "noimageai"
    assert refusal(frozenset({"nofollow", "noarchive"})) is None
