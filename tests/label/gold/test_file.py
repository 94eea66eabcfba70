import json
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.errors import InputError
from components.label.gold.file import Gold, read_gold


def write(folder: Path, *lines: object) -> Path:
    """A gold file; what is no string becomes JSON."""
    path = folder / "gold.jsonl"
    path.write_text("\n".join(line if isinstance(line, str) else json.dumps(line) for line in lines), "utf-8")
    return path


def entry(text: str = "a crab", labels: object = (), **fields: object) -> dict[str, object]:
    return {"text": text, "labels": labels, **fields}


def label(start: int, end: int, entity: object = "Q3", **fields: object) -> dict[str, object]:
    return {"span": [start, end], "entity_id": entity, **fields}


@pytest.fixture
def read(tmp_path):
    def run(*lines: object, most: float = 1.0) -> Gold:
        return read_gold(write(tmp_path, *lines), most)

    return run


def test_spans_point_into_the_text(read):
    (text,) = read(entry("a crab", [label(2, 6)])).texts
    (found,) = text.labels
    assert text.text[found.start : found.end] == "crab"
    assert (found.entity_id, found.optional, found.required) == ("Q3", False, True)


def test_spans_count_characters_not_bytes(read):
    (text,) = read(entry("🦀 crab", [label(2, 6)])).texts
    assert text.text[text.labels[0].start : text.labels[0].end] == "crab"


def test_other_fields_of_the_format_are_ignored(read):
    line = entry(
        "a crab", [label(2, 6, id=0, name="crab", parent=None, children=[], type="Q729")], id=1, title="t", url="u"
    )
    assert len(read(line).texts[0].labels) == 1


def test_labels_are_sorted_by_offset(read):
    (text,) = read(entry("crab, cat", [label(6, 9, "Q17"), label(0, 4)])).texts
    assert [m.entity_id for m in text.labels] == ["Q3", "Q17"]


def test_a_label_that_is_optional_is_not_required(read):
    assert not read(entry("a crab", [label(2, 6, optional=True)])).texts[0].labels[0].required


@pytest.mark.parametrize("kind", ["QUANTITY", "DATETIME"])
def test_quantities_and_dates_are_optional_and_no_entities(read, kind):
    (found,) = read(entry("in 1999", [label(3, 7, "1999-01-01", type=kind)])).texts[0].labels
    assert found.optional and found.entity_id is None


def test_what_wikidata_does_not_have_is_not_required_but_stays_a_name(read):
    (text,) = read(entry("Mr. Fox", [label(4, 7, "Unknown12")])).texts
    assert text.labels[0].entity_id is None
    assert text.mandatory == text.labels and not text.labels[0].required


def test_a_label_inside_another_is_optional(read):
    (text,) = read(entry("flag of Japan", [label(0, 13, "Q1"), label(8, 13, "Q5")])).texts
    assert [m.optional for m in text.labels] == [False, True]


def test_only_labels_of_the_evaluated_part_are_read(read):
    (text,) = read(entry("crab and cat", [label(0, 4), label(9, 12, "Q17")], evaluation_span=[5, 12])).texts
    assert [m.entity_id for m in text.labels] == ["Q17"]
    assert (text.start, text.end) == (5, 12)


BAD = [
    ("{", "not JSON"),
    ("[1]", "is not an object"),
    ({"labels": []}, "`text` is None"),
    (entry("  "), "give the text"),
    (entry(7), "`text` is 7"),  # type: ignore[arg-type]
    (entry("x" * 1_000_001), "split it"),
    (entry("a crab", 5), "`labels` is 5"),
    (entry("a crab", [3]), "label 1 is 3"),
    (entry("a crab", [{"entity_id": "Q3"}]), "the span of label 1 is None"),
    (entry("a crab", [label(2, 7)]), "in a text of 6 characters"),
    (entry("a crab", [label(-1, 2)]), "0 ≤ start < end"),
    (entry("a crab", [label(4, 4)]), "0 ≤ start < end"),
    (entry("a crab", [label(4, 2)]), "0 ≤ start < end"),
    (entry("a crab", [{"span": [True, 3], "entity_id": "Q3"}]), "two whole numbers"),
    (entry("a crab", [{"span": [0.0, 3], "entity_id": "Q3"}]), "two whole numbers"),
    (entry("a crab", [label(2, 6, 3)]), "give a Q-id such as Q43"),
    (entry("a crab", [label(2, 6, ["Q3"])]), "('crab')"),
    (entry("a crab", [{"span": [2, 6]}]), "`entity_id` of label 1 ('crab') is missing"),
    (entry("a crab", [], evaluation_span=[0, 99]), "`evaluation_span` is [0, 99]"),
    ('{"text": "\\ud800", "labels": []}', "not JSON"),
]


@pytest.mark.parametrize(("line", "message"), BAD, ids=[message for _, message in BAD])
def test_a_bad_line_is_skipped_and_reported_with_its_number_and_the_fix(read, line, message):
    gold = read(entry(), line)
    assert [text.line for text in gold.texts] == [1]
    (fault,) = gold.bad
    assert fault.line == 2 and fault.message.startswith("line 2: ")
    assert message in fault.message


@pytest.mark.parametrize("entity", ["Unknown", "Unknown12", "<NIL>", "NIL", "NIL0007", "<UNK>", "<unk_wid>", " <NIL> "])
def test_every_published_word_for_what_wikidata_lacks_is_read(read, entity):
    (found,) = read(entry("a crab", [label(2, 6, entity)]), most=0.0).texts[0].labels
    assert (found.entity_ids, found.optional, found.judged, found.required) == ((), False, True, False)


@pytest.mark.parametrize("entity", ["q89", " Q89 ", "https://www.wikidata.org/wiki/Q89"])
def test_a_q_id_is_read_in_every_form(read, entity):
    assert read(entry("a crab", [label(2, 6, entity)]), most=0.0).texts[0].labels[0].entity_ids == ("Q89",)


STRAY = [
    "crab",
    "",
    None,
    "Q0",
    "Q",
    "P31",
    "Q89 Q90",
    "http://dbpedia.org/resource/Q89",
    "http://wikidata.org.example/wiki/Q89",
]


@pytest.mark.parametrize("entity", STRAY)
def test_a_stray_id_leaves_out_its_span_and_not_the_text(read, entity):
    gold = read(entry("a crab, a cat", [label(2, 6, entity), label(10, 13, "Q17")]))
    stray, cat = gold.texts[0].labels
    assert (stray.entity_ids, stray.optional, stray.judged) == ((), True, False)
    assert cat.required
    (fault,) = gold.stray
    assert fault.message == f"line 1: `entity_id` of label 1 ('crab') is {entity!r}, which is no Q-id"


def test_an_entity_that_was_not_mapped_is_no_mistake(read):
    gold = read(entry("a crab", [label(2, 6, "<NO_MAPPING>")]), most=0.0)
    assert not gold.stray and not gold.texts[0].labels[0].judged


@pytest.mark.parametrize("kind", ["QUANTITY", "DATETIME"])
def test_quantities_and_dates_are_known_by_their_id_as_well(read, kind):
    (found,) = read(entry("in 1999", [label(3, 7, kind)]), most=0.0).texts[0].labels
    assert (found.entity_ids, found.optional, found.judged) == ((), True, True)


@pytest.mark.parametrize("kind", [None, 7, ["QUANTITY"], {}, "Q5|Q6"])
def test_a_type_of_any_kind_is_no_mistake(read, kind):
    assert read(entry("a crab", [label(2, 6, type=kind)])).texts[0].labels[0].required


def test_labels_of_one_span_are_alternatives(read):
    same = [label(0, 4, "Q1", id=0, children=[1]), label(0, 4, "Q2", id=1, parent=0), label(0, 4, "Q1")]
    (found,) = read(entry("crab", same), most=0.0).texts[0].labels
    assert (found.entity_id, found.alternatives, found.optional, found.judged) == ("Q1", ("Q2",), False, True)


@pytest.mark.parametrize(
    ("second", "expected"),
    [
        (label(0, 4, "<NIL>"), (("Q1",), False, True)),
        (label(0, 4, "Q2", optional=True), (("Q1", "Q2"), False, True)),
        (label(0, 4, "<NO_MAPPING>"), (("Q1",), False, False)),
    ],
)
def test_alternatives_are_as_strict_as_the_strictest(read, second, expected):
    for pair in ([label(0, 4, "Q1"), second], [second, label(0, 4, "Q1")]):
        (found,) = read(entry("crab", pair)).texts[0].labels
        assert (tuple(sorted(found.entity_ids)), found.optional, found.judged) == expected


def test_alternatives_inside_a_longer_label_are_optional(read):
    labels = [label(0, 13, "Q9"), label(8, 13, "Q5"), label(8, 13, "Q6")]
    assert [m.optional for m in read(entry("flag of Japan", labels)).texts[0].labels] == [False, True]


def test_too_many_texts_left_out_are_an_error_that_names_the_first(read):
    lines = [*[entry()] * 9, "{"]
    assert len(read(*lines, most=0.1).bad) == 1
    with pytest.raises(
        InputError, match=r"1 of 10 texts would be left out, more than --max-left-out 0\.09 allows.*line 10: not JSON"
    ):
        read(*lines, most=0.09)


def test_too_many_stray_labels_are_an_error_as_well(read):
    lines = [entry("a crab", [label(2, 6)]), entry("a crab", [label(2, 6, "crab")])]
    assert len(read(*lines, most=0.5).stray) == 1
    with pytest.raises(InputError, match=r"1 of 2 labels would be left out.*line 2: `entity_id` of label 1"):
        read(*lines, most=0.4)


PUBLISHED = Path(__file__).parents[3].parent / "shared" / "data" / "linking" / "gold"


@pytest.mark.parametrize(
    "name",
    [
        "aida-conll-dev",
        "captions-half",
        "derczynski-half",
        "oke-2015-train",
        "oke-2016-train",
        "rss-500-half",
        "wiki-fair-half",
    ],
)
def test_published_benchmarks_are_read_whole(name):
    path = PUBLISHED / f"{name}.jsonl"
    if not path.is_file():
        pytest.skip(f"no {path}")
    gold = read_gold(path, 0.0)
    assert len(gold.texts) == len(path.read_text("utf-8").splitlines())
    assert not gold.bad and not gold.stray


def test_blank_lines_are_skipped_but_counted(read):
    gold = read("", entry(), "   ", "{")
    assert [text.line for text in gold.texts] == [2]
    assert [fault.line for fault in gold.bad] == [4]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistakes(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(entry()).encode() + b"\r\n")
    assert len(read_gold(path, 1.0).texts) == 1


def test_bytes_that_are_no_utf_8_are_a_bad_line(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(json.dumps(entry()).encode() + b'\n{"text": "\xff"}\n')
    assert [fault.line for fault in read_gold(path, 1.0).bad] == [2]


def test_a_file_without_a_usable_line_is_an_error_that_names_the_first_mistake(read):
    with pytest.raises(InputError, match="no usable line; line 1: not JSON"):
        read("{")


def test_an_empty_file_is_an_error(read):
    with pytest.raises(InputError, match="it is empty"):
        read("")


def test_a_missing_file_is_an_error_with_the_fix(tmp_path):
    with pytest.raises(InputError, match="give a JSONL file"):
        read_gold(tmp_path / "none.jsonl", 1.0)


def test_a_folder_is_no_gold_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_gold(tmp_path, 1.0)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 20) | st.floats(allow_nan=False) | st.text(max_size=9) | st.just("Q3"),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["span", "entity_id", "type", "optional"]), inner)
    ),
    max_leaves=6,
)


@settings(deadline=None)
@given(text=VALUES, labels=VALUES | st.lists(VALUES), span=VALUES)
def test_any_line_is_read_or_reported(tmp_path_factory, text, labels, span):
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    odd = json.dumps({"text": text, "labels": labels, "evaluation_span": span})
    path.write_text(f"{json.dumps(entry())}\n{odd}\n", "utf-8")
    gold = read_gold(path, 1.0)
    assert len(gold.texts) + len(gold.bad) == 2
    for found in gold.texts:
        assert all(found.start <= m.start < m.end <= found.end <= len(found.text) for m in found.labels)
