import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.errors import InputError
from components.knowledge.base.names import words as split
from components.label.text.word_counts import (
    WordCounts,
    add_counts,
    count_words,
    read_counts,
    subcorpus_name,
    write_counts,
)

TEXTS = st.lists(st.tuples(st.sampled_from(["alt a", "caption a", "alt b"]), st.text("ab ,-", max_size=9)), max_size=30)


def test_words_keep_their_offsets():
    assert list(split("Flag_of Curaçao")) == [
        ("flag", 0, 4),
        ("of", 5, 7),
        ("curacao", 8, 15),
    ]


def test_a_word_counts_once_per_text():
    assert count_words([("alt a", "crab crab crab")]).words["crab"] == 1


def test_an_empty_text_counts_for_nothing():
    assert count_words([("alt a", " "), ("alt a", "crab")]).texts == 1


@given(texts=TEXTS, cut=st.integers(0, 30))
def test_the_counts_of_shards_add_up(texts, cut):
    assert add_counts([count_words(texts[:cut]), count_words(texts[cut:])]) == count_words(texts)


@given(texts=TEXTS)
def test_counts_survive_their_file(texts, tmp_path_factory):
    path = tmp_path_factory.mktemp("counts") / "words.json"
    write_counts(path, count_words(texts))
    assert read_counts(path) == count_words(texts)


def test_stock_phrases_of_a_site_carry_little_information():
    counts = count_words([(subcorpus_name("a", "alt"), f"logo {n}") for n in range(1000)])
    assert (
        counts.information("logo", subcorpus_name("a", "alt"))
        < 0.1
        < 5
        < counts.information("crab", subcorpus_name("a", "alt"))
    )


def test_alt_texts_and_captions_of_a_site_are_counted_separately():
    texts = [(subcorpus_name("a", "alt"), "crab"), (subcorpus_name("a", "caption"), "crab logo")] * 500
    texts += [(subcorpus_name(f"other {n}", "alt"), "something else") for n in range(9000)]
    counts = count_words(texts)
    assert counts.information("logo", subcorpus_name("a", "caption")) < 0.1
    assert counts.information("logo", subcorpus_name("a", "alt")) > 2


def test_a_word_of_an_unknown_site_has_the_share_of_the_whole_crawl():
    counts = count_words([("alt a", "crab")] * 70)
    assert counts.information("crab", "alt nowhere") == pytest.approx(-math.log(71 / 100))


def test_without_a_crawl_every_word_is_informative():
    assert WordCounts().information("crab", "alt a") > 1.5


def test_information_is_never_negative():
    counts = count_words([("alt a", "crab")])
    assert counts.information("crab", "alt a") >= 0


def test_a_missing_file_of_counts_is_named(tmp_path: Path):
    with pytest.raises(InputError, match=r"words\.json is missing"):
        read_counts(tmp_path / "words.json")
