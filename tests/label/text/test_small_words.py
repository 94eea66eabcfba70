"""Words that name nothing, and names that a text writes small."""

import pytest

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.text.mentions import MentionFinder
from samples.knowledge import Item
from tests.label.conftest import build_base
from tests.label.text.test_mentions import found


@pytest.fixture(scope="module")
def of_small_words(tmp_path_factory):
    """A finder whose base has names that are function words, letters and days."""
    names = {"Q1": "flag", "Q2": "by", "Q3": "R", "Q4": "June 18", "Q5": "June", "Q6": "plate", "Q7": "the who"}
    items = [Item(entity, name, "a thing") for entity, name in names.items()]
    base = KnowledgeBase.open(build_base(tmp_path_factory.mktemp("small-words"), items))
    return MentionFinder(base, None, max_words=6, max_candidates=20)


@pytest.mark.parametrize(
    ("text", "surfaces"),
    [
        ("a flag by a plate", ["flag", "plate"]),
        ("by plate", ["plate"]),
        ("by's a plate", ["plate"]),
        ("R's plate", ["plate"]),
        ("flag by", ["flag", "by"]),
        ("by", ["by"]),
        ("R", []),
        ("plate R", ["plate"]),
        ("plate, June 18", ["plate"]),
        ("18 June 2019", []),
        ("June with a plate", ["June", "plate"]),
        ("The Who with a plate", ["The Who", "plate"]),
    ],
)
def test_function_words_letters_and_days_name_nothing(of_small_words, text, surfaces):
    assert list(found(of_small_words, text)) == surfaces


@pytest.mark.parametrize(
    ("text", "expected"),
    [("turkey", {"Q1": False, "Q2": True}), ("Turkey", {"Q1": False, "Q2": False})],
)
def test_a_name_written_small_is_miscased_where_wikidata_capitalises_it(finder, text, expected):
    (mention,) = finder.find([text])[0]
    ids = [candidate.entity_id for candidate in mention.candidates]
    assert dict(zip(ids, mention.miscased, strict=True)) == expected
