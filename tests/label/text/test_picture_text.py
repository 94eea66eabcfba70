from components.label.format import MENTIONS_SCHEMA
from components.label.text.picture_text import ALT, CAPTION, MAX_CHARACTERS, PictureText, read_picture_texts
from components.label.text.word_counts import WordCounts, count_words
from tests.label.conftest import Shown, rows

COUNTS = count_words((f"alt other {n}", f"unrelated{n}") for n in range(1000))


def read(finder, parameters, *shown: Shown, counts: WordCounts = COUNTS) -> list[PictureText]:
    return read_picture_texts(
        [row | {"key": str(n)} for n, row in enumerate(rows(shown))], finder, counts, frozenset(), parameters
    )


def test_the_caption_is_used_where_the_alt_text_names_nothing(finder, knobs):
    picture_text = read(finder, knobs(), Shown(1, "image", caption="A crab"))[0]
    assert (picture_text.source, picture_text.text) == (CAPTION, "A crab")
    assert [picture_text.text[m.start : m.end] for m in picture_text.mentions] == ["crab"]


def test_the_alt_text_comes_first(finder, knobs):
    assert read(finder, knobs(), Shown(1, "crab", caption="A cat"))[0].source == ALT


def test_a_caption_that_names_nothing_does_not_replace_the_alt_text(finder, knobs):
    assert read(finder, knobs(), Shown(1, "image", caption="Something"))[0].source == ALT


def test_captions_can_be_left_out(finder, knobs):
    assert read(finder, knobs(use_caption=False), Shown(1, "image", caption="A crab"))[0].source == ALT


def test_a_name_is_no_part_of_its_own_context(finder, knobs):
    picture_text = read(finder, knobs(), Shown(1, "Turkey, Asia", "birds", "Turkey on a plate"))[0]
    assert picture_text.context.split() == ["asia", "on", "a", "plate", "birds"]


def test_an_entity_is_unambiguous_if_its_only_name_covers_the_text(finder, knobs, base):
    sure, several, part, none = (
        r.unambiguous_entity(0.7)
        for r in read(finder, knobs(), Shown(1, "crab"), Shown(2, "turkey"), Shown(3, "crab soup"), Shown(4, "image"))
    )
    assert base.entity_id(sure) == "Q3"
    assert several is part is none is None


def test_missing_texts_count_as_empty(finder, knobs):
    row = {"key": "0", "site": None, "page_url": None, "caption": None, "context": None, "page_title": None}
    picture_text = read_picture_texts([row], finder, COUNTS, frozenset(), knobs())[0]
    assert (picture_text.text, picture_text.context, picture_text.mentions) == ("", "", ())


def test_only_the_beginning_of_a_very_long_text_is_read(finder, knobs):
    picture_text = read(finder, knobs(), Shown(1, "crab " * 30_000))[0]
    assert len(picture_text.text) == MAX_CHARACTERS
    assert max(m.end for m in picture_text.mentions) <= MAX_CHARACTERS


def test_a_picture_text_survives_its_file(finder, knobs):
    import pyarrow as pa

    picture_text = read(finder, knobs(), Shown(1, "crab and turkey"))[0]
    table = pa.Table.from_pylist([picture_text.row()], MENTIONS_SCHEMA)
    again = PictureText.of(table.to_pylist()[0])
    assert again.text == picture_text.text
    assert [(m.start, m.end, m.rows) for m in again.mentions] == [
        (m.start, m.end, m.rows) for m in picture_text.mentions
    ]
