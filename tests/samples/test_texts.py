"""Texts of pictures: each site has its style, and some texts are useless."""

from pathlib import Path

import pytest

from samples.concepts import COMMUNITIES, SETS, Concept, Drawing
from samples.texts import TEXT_STYLES, USELESS, PictureText, ShortCodes, picture_text


@pytest.fixture(scope="module")
def short_codes(modules: Path) -> ShortCodes:
    return ShortCodes.load(modules)


def said_of(key: str, art_set: str, concepts: list[Concept], short_codes: ShortCodes) -> PictureText:
    concept = next(c for c in concepts if c.key == key)
    drawing = next(d for d in concept.drawings if d.art_set == art_set)
    return picture_text(concept, drawing, short_codes, seed=7, useless_share=0)


@pytest.mark.parametrize(
    ("key", "art_set", "alt", "caption"),
    [
        ("emoji:1F980", "noto", "crab", "Crab – Animals & nature"),
        ("emoji:1F980", "noto-v1", "Android emoji of a crab", ""),
        ("emoji:1F980", "twemoji", ":crab:", ""),
        ("flag:JP", "noto-v1", "Flag of Japan", ""),
        ("flag:JP", "twemoji", ":jp:", ""),
        ("flag:JP", "flag", "jp", "Japan (JP)"),
        ("flag:GB-ENG", "twemoji", ":england:", ""),
        ("brand:python", "vscode-icons", "file-type-python", "Python file in the code editor"),
        ("brand:python", "devicon", "python-original", "Python, an icon for programming tools"),
    ],
)
def test_each_site_has_its_own_style(
    key: str, art_set: str, alt: str, caption: str, concepts: list[Concept], short_codes: ShortCodes
) -> None:
    assert said_of(key, art_set, concepts, short_codes) == PictureText(alt, caption)


def test_every_set_has_texts_for_all_its_drawings(concepts: list[Concept], short_codes: ShortCodes) -> None:
    assert set(TEXT_STYLES) == set(SETS)
    for concept in concepts:
        for drawing in concept.drawings:
            text = picture_text(concept, drawing, short_codes, seed=7, useless_share=0)
            assert text.alt.strip() == text.alt != ""


def test_communities_coin_different_codes(concepts: list[Concept], short_codes: ShortCodes) -> None:
    concept = next(c for c in concepts if c.key == "emoji:1F44D")
    assert {short_codes.code(community, concept) for community in COMMUNITIES} >= {"thumbs_up", "+1", "thumbsup"}


def test_missing_codes_are_replaced_by_cldrs(short_codes: ShortCodes) -> None:
    unknown = Concept("emoji:FFFFF", "objects", "New Thing", (), (Drawing("noto", "x"),))
    assert short_codes.code("github", unknown) == "new_thing"


def test_a_share_of_the_texts_is_useless_and_as_many_are_file_names(
    concepts: list[Concept], short_codes: ShortCodes
) -> None:
    share = 0.1
    text = [picture_text(c, d, short_codes, 7, share).alt for c in concepts for d in c.drawings]
    useless = sum(alt in USELESS for alt in text) / len(text)
    files = sum(alt.endswith(".png") for alt in text) / len(text)
    assert abs(useless - share) < 0.01
    assert abs(files - share) < 0.01


def test_the_seed_chooses_the_useless_texts(concepts: list[Concept], short_codes: ShortCodes) -> None:
    def chosen(seed: int) -> list[str]:
        return [picture_text(c, c.drawings[0], short_codes, seed, 0.1).alt for c in concepts]

    assert chosen(7) == chosen(7) != chosen(8)
