"""Normalisation: variants of a name become equal, different names stay different."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.knowledge.base.names import normalise, words


@pytest.mark.parametrize(
    ("written", "name"),
    [
        ("Turkey", "turkey"),
        ("TURKEY!", "turkey"),
        ("Côte_d’Ivoire", "cote d'ivoire"),
        ("co\u0302te d`ivoire", "cote d'ivoire"),
        ("file-type-python", "file type python"),
        (":us:", "us"),
        ("Levi’s", "levi's"),
        ("cats'", "cats"),
        ("Straße", "strasse"),
        ("İstanbul", "istanbul"),
        ("R&B", "r and b"),
        ("rock ’n’ roll", "rock n roll"),
        ("C++", "c++"),
        ("C#", "c#"),
        (".NET", ".net"),
        ("Node.js", "node js"),
        ("St. Louis", "st louis"),
        ("ﬁne ½", "fine 1 2"),
        ("東京", "東京"),
        ("  two \t words\n", "two words"),
        ("*** – …", ""),
        ("", ""),
    ],
)
def test_a_name_is_its_words_in_lower_case_without_diacritics(written: str, name: str) -> None:
    assert normalise(written) == name


def test_programming_languages_stay_apart() -> None:
    assert len({normalise(name) for name in ("C", "C++", "C#", "F#", "NET", ".NET")}) == 6


@given(st.text(max_size=30))
@settings(max_examples=500, deadline=None)
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(alphabet="aÉßİ½ŉẞ'’.&+#-_ \u0301あ1", max_size=20))
@settings(max_examples=500, deadline=None)
def test_the_words_of_a_text_are_those_of_its_normal_form(text: str) -> None:
    assert " ".join(word for word, _, _ in words(text)) == normalise(text)


@given(st.text(alphabet="aÉßİ½ŉẞ'’.&+#-_ \u0301あ1", max_size=20))
@settings(max_examples=500, deadline=None)
def test_the_offsets_of_a_word_cut_that_word_out_of_the_text(text: str) -> None:
    found = list(words(text))
    for word, start, end in found:
        assert 0 <= start < end <= len(text)
        assert word in normalise(text[start:end]).split()
    assert [start for _, start, _ in found] == sorted(start for _, start, _ in found)


def test_the_offsets_of_a_phrase_cut_it_out_with_its_accents() -> None:
    text = "Flag: Côte_d’Ivoire, cafe\u0301s"
    found = list(words(text))
    assert text[found[1][1] : found[2][2]] == "Côte_d’Ivoire"
    assert text[found[3][1] : found[3][2]] == "cafe\u0301s"
