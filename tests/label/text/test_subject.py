import pytest

from components.label.text.subject import find_subject
from components.label.text.word_counts import WordCounts, count_words, subcorpus_name

ALT = subcorpus_name("a", "alt")


def coverage(finder, text, counts=None, modifier_weight=0.5):
    """Surface → coverage of the mentions in the subject."""
    matched = finder.search([text])[0]
    subject = find_subject(matched, counts or _counts(), ALT)
    if subject is None:
        return {}
    return {m.surface: round(subject.coverage(m, modifier_weight), 2) for m in matched.mentions if subject.contains(m)}


def _counts() -> WordCounts:
    """A crawl in which every word of these tests is equally rare."""
    return count_words((subcorpus_name(f"site {n}", "alt"), f"unrelated{n}") for n in range(1000))


def test_a_name_that_is_the_whole_text_covers_it(finder):
    assert coverage(finder, "crab") == {"crab": 1.0}


def test_only_the_first_informative_part_is_the_subject(finder):
    assert coverage(finder, "crab, cat, moon") == {"crab": 1.0}


def test_a_name_with_a_comma_is_not_split(finder):
    assert coverage(finder, "Washington, D.C., America") == {"Washington, D.C": 1.0}


def test_stock_phrases_of_a_site_are_skipped(finder):
    counts = count_words((ALT, f"Firefox emoji: thing{n}") for n in range(1000))
    assert coverage(finder, "Firefox emoji: crab", counts) == {"crab": 1.0}


def test_a_modifier_counts_less_than_a_noun_after_the_name(finder):
    assert coverage(finder, "angry crab") == {"crab": 0.67}
    assert coverage(finder, "crab soup") == {"crab": 0.5}


@pytest.mark.parametrize("text", ["basket of crab", "face with moon", "hammer and crab"])
def test_a_function_word_before_the_name_makes_what_precedes_count_in_full(finder, text):
    assert list(coverage(finder, text).values()) == [0.5]


@pytest.mark.parametrize("text", ["no crab", "non-crab", "without a crab", "no big crab"])
def test_a_negated_name_has_no_coverage(finder, text):
    assert coverage(finder, text) == {"crab": 0.0}


def test_a_negation_after_the_name_has_no_effect(finder):
    assert coverage(finder, "crab without claws")["crab"] > 0


@pytest.mark.parametrize(
    "text", ["photo of a crab", "crab icon", "a drawing of the crab", "logo: crab", "crab_123.png"]
)
def test_picture_words_and_file_names_carry_no_information(finder, text):
    assert coverage(finder, text)["crab"] == 1.0


@pytest.mark.parametrize("text", ["photo", "a photo", "icon", "", "2024", "of the", "img_1234.png"])
def test_a_text_without_information_has_no_subject(finder, text):
    assert coverage(finder, text) == {}


def test_the_ending_of_a_file_name_is_no_country(finder):
    assert coverage(finder, "crab.png")["png"] == 0.0
    assert coverage(finder, "PNG") == {"PNG": 1.0}


@pytest.mark.parametrize(
    "text",
    [
        "crab on a plate",
        "my crab in the sun",
        "crab seen from the side",
        "crab walking along the beach",
        "a crab for sale",
        "crab by a famous photographer",
    ],
)
def test_circumstances_after_the_name_do_not_count(finder, text):
    assert coverage(finder, text)["crab"] == 1.0


@pytest.mark.parametrize(
    "text", ["crab with claws", "crab soup in a bowl", "crab of doom on a plate", "crab building on a hill"]
)
def test_what_belongs_to_the_named_thing_counts_even_before_a_circumstance(finder, text):
    assert coverage(finder, text)["crab"] <= 0.5


@pytest.mark.parametrize(
    "text",
    [
        "close-up of a crab",
        "side view of a crab",
        "black and white photo of a crab",
        "crab, Royalty Free Stock Image",
        "Stock Photo: crab",
        "crab vector illustration",
    ],
)
def test_the_kind_of_picture_and_the_terms_of_its_sale_carry_no_information(finder, text):
    covered = coverage(finder, text)
    assert covered.pop("crab") == 1.0
    assert not any(covered.values())


def test_of_many_modifiers_only_the_most_informative_counts(finder):
    assert coverage(finder, "big old angry crab") == coverage(finder, "angry crab") == {"crab": 0.67}


@pytest.mark.parametrize(
    "text", ["MIAMI, FL - JANUARY 10: crab", "Tokyo, Sept. 3, 2012; crab", "October 22 2012: crab"]
)
def test_a_dateline_is_no_subject(finder, text):
    assert coverage(finder, text)["crab"] == 1.0


def test_a_colon_without_a_day_ends_no_dateline(finder):
    assert coverage(finder, "crab: moon") == {"crab": 1.0}


@pytest.mark.parametrize("text", ["crab with a view of the moon", "crab in a shot of the moon"])
def test_a_view_that_the_named_thing_has_is_not_the_picture(finder, text):
    assert coverage(finder, text)["moon"] <= 0.5
