import numpy as np
import pytest

from components.label.linking.page_profiles import Profiles, contribution, merge_sums, write_sums
from components.label.text.picture_text import PictureText, read_picture_texts
from components.label.text.word_counts import count_words, subcorpus_name
from tests.label.conftest import ANIMALS, COUNTRIES, Shown, rows


@pytest.fixture
def picture_texts(finder, knobs):
    shown = [Shown(n, name, "animals") for n, name in enumerate(ANIMALS)]
    shown += [Shown(n, name, "countries") for n, name in enumerate(COUNTRIES, 100)]
    indexed = [row | {"key": str(n)} for n, row in enumerate(rows(shown))]
    counts = count_words((subcorpus_name(f"other {n}", "alt"), f"unrelated{n}") for n in range(1000))
    return read_picture_texts(indexed, finder, counts, frozenset(), knobs())


@pytest.fixture
def profiles(picture_texts, base, tmp_path):
    write_sums(tmp_path / "sums.parquet", picture_texts, base)
    return Profiles.read(tmp_path / "sums.parquet", {r.page_url for r in picture_texts}, {"site.localhost"})


def reading_of(picture_texts: list[PictureText], text: str, page: str) -> PictureText:
    return next(r for r in picture_texts if r.text == text and r.page_url.endswith(f"{page}.html"))


@pytest.mark.parametrize(
    ("page", "text", "right", "wrong"), [("animals", "turkey", "Q1", "Q2"), ("countries", "Turkey", "Q2", "Q1")]
)
def test_a_page_resembles_its_entities(profiles, picture_texts, base, page, text, right, wrong):
    picture_text = reading_of(picture_texts, text, page)
    around = profiles.page_profile(picture_text, contribution(picture_text, base), shrinkage=0.0)
    near, far = (base.embeddings[base.row_of(q)] @ around for q in (right, wrong))
    assert near > far


def test_a_picture_is_no_evidence_for_itself(base, finder, knobs, tmp_path):
    (picture_text,) = read_picture_texts(
        [rows([Shown(1, "crab")])[0] | {"key": "0"}],
        finder,
        count_words([("alt x", "unrelated")] * 50),
        frozenset(),
        knobs(),
    )
    write_sums(tmp_path / "sums.parquet", [picture_text], base)
    alone = Profiles.read(tmp_path / "sums.parquet", {picture_text.page_url}, {picture_text.site})
    assert alone.page_profile(picture_text, contribution(picture_text, base), shrinkage=5.0) == pytest.approx(
        0, abs=1e-6
    )


def test_the_rest_of_a_page_is_what_it_is_without_the_picture(profiles, picture_texts, base, tmp_path):
    picture_text = reading_of(picture_texts, "crab", "animals")
    write_sums(tmp_path / "rest.parquet", [r for r in picture_texts if r is not picture_text], base)
    rest = Profiles.read(tmp_path / "rest.parquet", {picture_text.page_url}, {picture_text.site})
    nothing = contribution(picture_text, base).times(0.0)
    np.testing.assert_allclose(
        profiles.page_profile(picture_text, contribution(picture_text, base), 2.0),
        rest.page_profile(picture_text, nothing, 2.0),
        atol=1e-5,
    )


def test_a_name_with_several_meanings_weighs_less(picture_texts, base):
    assert (
        contribution(reading_of(picture_texts, "turkey", "animals"), base).weight
        < contribution(reading_of(picture_texts, "crab", "animals"), base).weight
    )


def test_an_unknown_page_has_no_profile(picture_texts, base):
    picture_text = picture_texts[0]
    assert not Profiles({}).page_profile(picture_text, contribution(picture_text, base), 10.0).any()
    assert not Profiles({}).site_profile("nowhere", 16).any()


def test_a_profile_has_length_one(profiles, picture_texts, base):
    picture_text = picture_texts[0]
    assert np.linalg.norm(profiles.page_profile(picture_text, contribution(picture_text, base), 10.0)) == pytest.approx(
        1, abs=1e-5
    )
    assert np.linalg.norm(profiles.site_profile("site.localhost", 16)) == pytest.approx(1, abs=1e-5)


def test_the_sums_of_shards_add_up(picture_texts, base, tmp_path):
    write_sums(tmp_path / "whole.parquet", picture_texts, base)
    write_sums(tmp_path / "a.parquet", picture_texts[:5], base)
    write_sums(tmp_path / "b.parquet", picture_texts[5:], base)
    merge_sums([tmp_path / "a.parquet", tmp_path / "b.parquet"], tmp_path / "merged.parquet")
    pages = {r.page_url for r in picture_texts}
    whole, merged = (
        Profiles.read(tmp_path / f"{name}.parquet", pages, {"site.localhost"}).site_profile("site.localhost", 16)
        for name in ("whole", "merged")
    )
    np.testing.assert_allclose(whole, merged, atol=1e-6)
