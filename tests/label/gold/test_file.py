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
    def run(*lines: object) -> Gold:
        return read_gold(write(tmp_path, *lines))

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
    (entry("a crab", [label(2, 6, "crab")]), "give a Q-id such as Q43"),
    (entry("a crab", [label(2, 6, "Q0")]), "'Q0'"),
    (entry("a crab", [label(2, 6, None)]), "('crab')"),
    (entry("a crab", [label(2, 6), label(2, 6, "Q4")]), "labelled twice"),
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


def test_blank_lines_are_skipped_but_counted(read):
    gold = read("", entry(), "   ", "{")
    assert [text.line for text in gold.texts] == [2]
    assert [fault.line for fault in gold.bad] == [4]


def test_a_byte_order_mark_and_windows_line_ends_are_no_mistakes(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(b"\xef\xbb\xbf" + json.dumps(entry()).encode() + b"\r\n")
    assert len(read_gold(path).texts) == 1


def test_bytes_that_are_no_utf_8_are_a_bad_line(tmp_path):
    path = tmp_path / "gold.jsonl"
    path.write_bytes(json.dumps(entry()).encode() + b'\n{"text": "\xff"}\n')
    assert [fault.line for fault in read_gold(path).bad] == [2]


def test_a_file_without_a_usable_line_is_an_error_that_names_the_first_mistake(read):
    with pytest.raises(InputError, match="no usable line; line 1: not JSON"):
        read("{")


def test_an_empty_file_is_an_error(read):
    with pytest.raises(InputError, match="it is empty"):
        read("")


def test_a_missing_file_is_an_error_with_the_fix(tmp_path):
    with pytest.raises(InputError, match="give a JSONL file"):
        read_gold(tmp_path / "none.jsonl")


def test_a_folder_is_no_gold_file(tmp_path):
    with pytest.raises(InputError, match="cannot be read"):
        read_gold(tmp_path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 20) | st.floats(allow_nan=False) | st.text(max_size=9) | st.just("Q3"),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["span", "entity_id", "x"]), inner),
    max_leaves=6,
)


@settings(deadline=None)
@given(text=VALUES, labels=VALUES | st.lists(VALUES), span=VALUES)
def test_any_line_is_read_or_reported(tmp_path_factory, text, labels, span):
    path = tmp_path_factory.mktemp("gold") / "gold.jsonl"
    odd = json.dumps({"text": text, "labels": labels, "evaluation_span": span})
    path.write_text(f"{json.dumps(entry())}\n{odd}\n", "utf-8")
    gold = read_gold(path)
    assert len(gold.texts) + len(gold.bad) == 2
    for found in gold.texts:
        assert all(found.start <= m.start < m.end <= found.end <= len(found.text) for m in found.labels)
