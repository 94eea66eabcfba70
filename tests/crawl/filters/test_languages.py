import pytest
from pydantic import ValidationError

from components.crawl.filters.language import _identifier
from components.crawl.languages import DETECTED, canonical, declared, foreign_letters
from tests.crawl.conftest import knobs
from tests.crawl.filters.test_filters import reason


def test_the_known_languages_are_those_that_the_detector_knows() -> None:
    assert frozenset(map(str, _identifier().nb_classes)) - {"zxx"} == DETECTED


@pytest.mark.parametrize(
    ("tag", "language"),
    [("en", "en"), ("en-us", "en"), ("eng", "en"), ("deu-de", "de"), ("nb-no", "no"), ("iw", "he"), ("gsw", "gsw")]
    + [(tag, "") for tag in ("", "und", "mul", "x-default", "english", "e", "root")],
)
def test_a_declared_language_is_compared_by_its_shortest_code(tag: str, language: str) -> None:
    assert declared(tag) == language


@pytest.mark.parametrize("languages", [["en"], ["EN"], [" En "]])
def test_languages_may_be_written_in_any_case(languages: list[str]) -> None:
    assert knobs(languages=languages).languages == ["en"]


@pytest.mark.parametrize(
    ("code", "message"),
    [
        ("eng", "'eng' is no language that can be detected; write en; there are ace, af, am"),
        ("en-us", "'en-us' is no language that can be detected; write en"),
        ("pt_BR", "'pt_BR' is no language that can be detected; write pt"),
        ("english", "'english' is no language that can be detected; there are ace"),
        ("xx", "'xx' is no language"),
        ("", "'' is no language"),
        (False, 'YAML reads no as False; for the language write "no" in quotes'),
        (True, "YAML reads yes as True"),
        (5, "valid string"),
        (None, "valid string"),
    ],
)
def test_a_language_that_would_drop_every_text_is_an_error(code: object, message: str) -> None:
    with pytest.raises(ValidationError) as error:
        knobs(languages=["en", code])
    assert message in str(error.value)


@pytest.mark.parametrize("code", sorted(DETECTED | {"nb", "iw"}))
def test_every_other_language_is_accepted(code: str) -> None:
    assert canonical(knobs(languages=[code]).languages[0]) in DETECTED


@pytest.mark.parametrize("wanted", ["no", "nb", "nn"])
@pytest.mark.parametrize("page", ["no", "nb-no", "nn"])
def test_norwegian_is_one_language(wanted: str, page: str) -> None:
    assert reason("fjord", page, languages=[wanted]) is None


@pytest.mark.parametrize(
    "text", ["Кот", "ёж", "красный краб", "Γάτα", "浜辺", "חתול", "قط", "แมว", "고양이", "Кот 5", "कत"]
)
@pytest.mark.parametrize("page", ["", "en", "en-us"])
def test_a_text_in_a_script_of_other_languages_is_dropped_however_short(text: str, page: str) -> None:
    assert reason(text, page) == "language"


@pytest.mark.parametrize(
    "text", ["5 μm", "α-helix", "the Кремль in Moscow", "São Tomé", "№ 7", "π × 2 = tau", "ﬁsh", "№"]
)
def test_single_letters_of_other_scripts_do_not_make_a_text_foreign(text: str) -> None:
    assert reason(text, "en") in (None, "too_short")


@pytest.mark.parametrize(
    ("text", "language"),
    [("Кот", "ru"), ("Кот", "bg"), ("浜辺", "ja"), ("海", "zh"), ("고양이", "ko"), ("iPhone 13", "ru")],
)
def test_a_short_text_in_a_script_of_a_wanted_language_stays(text: str, language: str) -> None:
    assert reason(text, language, languages=[language], min_text=1) is None


def test_letters_are_counted_by_script() -> None:
    assert foreign_letters("Кот cat 5", ["en"]) == (3, 6)
    assert foreign_letters("Кот cat 5", ["ru", "en"]) == (0, 6)


@pytest.mark.parametrize("text", ["red crab on beach", "The old harbour", "woman with hat", "old house", "dog running"])
@pytest.mark.parametrize("page", ["de", "de-de", "fr", "ru"])
def test_an_english_text_on_a_page_that_declares_another_language_stays(text: str, page: str) -> None:
    assert reason(text, page) is None


@pytest.mark.parametrize(
    ("text", "page"),
    [
        ("Hafen", "de"),
        ("Frau mit Hut", "de"),
        ("Haus am See", "de"),
        ("Le chat noir", "fr"),
        ("voiture rouge", "fr"),
        ("casa roja", "es"),
        ("le chat", "de"),
        ("Kim Kardashian", "de"),
        ("crab", "gsw"),
    ],
)
def test_a_short_text_of_the_declared_language_or_of_none_is_dropped(text: str, page: str) -> None:
    assert reason(text, page) == "language"


@pytest.mark.parametrize("page", ["eng", "und", "english", "x-default"])
def test_a_page_that_declares_english_oddly_or_nothing_loses_no_text(page: str) -> None:
    assert reason("crab", page) is None
