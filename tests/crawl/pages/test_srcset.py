import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.crawl.pages.srcset import Candidate, _parse_any, best, parse_srcset


@pytest.mark.parametrize(
    ("value", "candidates"),
    [
        ("a.png", [Candidate("a.png")]),
        ("a.png 32w, b.png 96w", [Candidate("a.png", 32), Candidate("b.png", 96)]),
        ("a.png 1x,b.png 2.5x", [Candidate("a.png"), Candidate("b.png", density=2.5)]),
        ("a.png, b.png 2x", [Candidate("a.png"), Candidate("b.png", density=2)]),
        (
            "w_100,h_100/a.png 100w, w_200,h_200/a.png 200w",
            [Candidate("w_100,h_100/a.png", 100), Candidate("w_200,h_200/a.png", 200)],
        ),
        ("\n a.png\t32w ,\n\n b.png  96w ,", [Candidate("a.png", 32), Candidate("b.png", 96)]),
        (",,a.png", [Candidate("a.png")]),
        ("a.png 32q, b.png -5w", [Candidate("a.png"), Candidate("b.png")]),
        ("", []),
        (" , ", []),
    ],
)
def test_candidates_are_read_as_browsers_read_them(value: str, candidates: list[Candidate]) -> None:
    assert parse_srcset(value) == candidates


def test_the_widest_candidate_up_to_the_limit_is_best() -> None:
    assert best(parse_srcset("s.png 100w, l.png 4000w, m.png 800w"), 1024) == Candidate("m.png", 800)


def test_the_narrowest_is_best_when_all_are_too_wide() -> None:
    assert best(parse_srcset("l.png 4000w, m.png 2000w"), 1024) == Candidate("m.png", 2000)


def test_the_densest_is_best_without_widths() -> None:
    assert best(parse_srcset("a.png, b.png 3x, c.png 2x"), 1024) == Candidate("b.png", density=3)


def test_the_first_of_equals_is_best() -> None:
    assert best([Candidate("a.png"), Candidate("b.png")], 1024) == Candidate("a.png")
    assert best([], 1024) is None


@given(st.text(alphabet=" ,\t\nawx019./", max_size=60))
def test_whatever_the_attribute_holds_candidates_have_addresses_without_blanks(value: str) -> None:
    assert all(one and not set(one) & set(" \t\n") for one, _, _ in parse_srcset(value))


@given(st.lists(st.text(alphabet=" ,\tawx1/.", min_size=1, max_size=6), max_size=12).map(" ".join))
def test_the_fast_path_finds_the_same_candidates(value: str) -> None:
    assert parse_srcset(value) == _parse_any(value)


def test_a_long_attribute_that_is_nearly_plain_is_read_in_one_go() -> None:
    value = "a.png 1w," * 2000 + "b.png 2q"
    assert len(parse_srcset(value)) == 2001
