import numpy as np
import pytest

from components.label.linking.page_profiles import Profiles, contribution, merge_sums, write_sums
from components.label.text.reading import Reading, read_text
from components.label.text.word_counts import count_words, voice
from tests.label.conftest import ANIMALS, COUNTRIES, Shown, rows


@pytest.fixture
def readings(finder, knobs):
    shown = [Shown(n, name, "animals") for n, name in enumerate(ANIMALS)]
    shown += [Shown(n, name, "countries") for n, name in enumerate(COUNTRIES, 100)]
    indexed = [row | {"key": str(n)} for n, row in enumerate(rows(shown))]
    counts = count_words((voice(f"other {n}", "alt"), f"unrelated{n}") for n in range(1000))
    return read_text(indexed, finder, counts, frozenset(), knobs())


@pytest.fixture
def profiles(readings, base, tmp_path):
    write_sums(tmp_path / "sums.parquet", readings, base)
    return Profiles.read(tmp_path / "sums.parquet", {r.page_url for r in readings}, {"site.localhost"})


def reading_of(readings: list[Reading], text: str, page: str) -> Reading:
    return next(r for r in readings if r.text == text and r.page_url.endswith(f"{page}.html"))


@pytest.mark.parametrize(
    ("page", "text", "right", "wrong"), [("animals", "turkey", "Q1", "Q2"), ("countries", "Turkey", "Q2", "Q1")]
)
def test_a_page_resembles_what_stands_on_it(profiles, readings, base, page, text, right, wrong):
    reading = reading_of(readings, text, page)
    around = profiles.around(reading, contribution(reading, base), shrinkage=0.0)
    near, far = (base.embeddings[base.row_of(q)] @ around for q in (right, wrong))
    assert near > far


def test_a_picture_does_not_vouch_for_itself(base, finder, knobs, tmp_path):
    (reading,) = read_text(
        [rows([Shown(1, "crab")])[0] | {"key": "0"}],
        finder,
        count_words([("alt x", "unrelated")] * 50),
        frozenset(),
        knobs(),
    )
    write_sums(tmp_path / "sums.parquet", [reading], base)
    alone = Profiles.read(tmp_path / "sums.parquet", {reading.page_url}, {reading.site})
    assert alone.around(reading, contribution(reading, base), shrinkage=5.0) == pytest.approx(0, abs=1e-6)


def test_the_rest_of_a_page_is_what_it_is_without_the_picture(profiles, readings, base, tmp_path):
    reading = reading_of(readings, "crab", "animals")
    write_sums(tmp_path / "rest.parquet", [r for r in readings if r is not reading], base)
    rest = Profiles.read(tmp_path / "rest.parquet", {reading.page_url}, {reading.site})
    nothing = contribution(reading, base).times(0.0)
    np.testing.assert_allclose(
        profiles.around(reading, contribution(reading, base), 2.0), rest.around(reading, nothing, 2.0), atol=1e-5
    )


def test_a_name_with_several_meanings_weighs_less(readings, base):
    assert (
        contribution(reading_of(readings, "turkey", "animals"), base).weight
        < contribution(reading_of(readings, "crab", "animals"), base).weight
    )


def test_an_unknown_page_says_nothing(readings, base):
    reading = readings[0]
    assert not Profiles({}).around(reading, contribution(reading, base), 10.0).any()
    assert not Profiles({}).of_site("nowhere", 16).any()


def test_a_profile_has_length_one(profiles, readings, base):
    reading = readings[0]
    assert np.linalg.norm(profiles.around(reading, contribution(reading, base), 10.0)) == pytest.approx(1, abs=1e-5)
    assert np.linalg.norm(profiles.of_site("site.localhost", 16)) == pytest.approx(1, abs=1e-5)


def test_the_sums_of_shards_add_up(readings, base, tmp_path):
    write_sums(tmp_path / "whole.parquet", readings, base)
    write_sums(tmp_path / "a.parquet", readings[:5], base)
    write_sums(tmp_path / "b.parquet", readings[5:], base)
    merge_sums([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "merged.parquet")
    pages = {r.page_url for r in readings}
    whole, merged = (
        Profiles.read(tmp_path / f"{name}.parquet", pages, {"site.localhost"}).of_site("site.localhost", 16)
        for name in ("whole", "merged")
    )
    np.testing.assert_allclose(whole, merged, atol=1e-6)
