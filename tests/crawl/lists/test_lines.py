"""Lines of lists in any encoding and of any length."""

from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.lists.lines import BadLine, byte_lines, text_lines
from components.crawl.lists.unpack import Bomb
from tests.crawl.lists.reading import A, B, cleaned, pairs

CAPTIONS = {
    "cp1252": "a café terrace near the château très élégant",
    "cp1250": "příliš žluťoučký kůň na louce",
    "cp1251": "красная лиса в снегу у белой церкви",
    "koi8_r": "белая церковь на холме у реки зимой",
    "shift_jis": "赤い狐が雪の中にいる",
    "gb18030": "夜晚的咖啡馆露台很美",
    "big5": "夜晚的咖啡館露台很美",
    "euc_kr": "눈 속의 붉은 여우",
}


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32"])
@pytest.mark.parametrize("name", ["a.csv", "a.tsv", "a.jsonl", "a.json"])
def test_unicode_is_read_in_all_its_forms(name: str, encoding: str) -> None:
    separator = "\t" if name == "a.tsv" else ","
    text = f"url{separator}caption\n{A}{separator}čaj 🦊\n"
    if "json" in name:
        text = f'{{"url": "{A}", "caption": "čaj 🦊"}}\n'
    assert pairs(text.encode(encoding), name) == [(A, "čaj 🦊")]


@pytest.mark.parametrize("encoding", CAPTIONS)
def test_other_encodings_are_detected_and_counted(encoding: str) -> None:
    caption = CAPTIONS[encoding]
    data = ("url,caption\n" + "".join(f"http://a.example/{n}.jpg,{caption}\n" for n in range(5))).encode(encoding)
    assert {text for _, text in pairs(data, "a.csv")} == {caption}
    assert cleaned(data, "a.csv") == {"encoding": 5}


def test_one_line_in_another_encoding_changes_no_other_line() -> None:
    data = f"url,caption\n{A},čaj\n".encode() + f"{B},café\n".encode("cp1252") + f"{A},ćma\n".encode()
    assert [text for _, text in pairs(data, "a.csv")] == ["čaj", "café", "ćma"]
    assert cleaned(data, "a.csv") == {"encoding": 1}


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
def test_a_line_that_is_too_long_costs_itself_only(end: bytes) -> None:
    chunks = [b"one" + end, *[b"x" * (1 << 20)] * 5, b"x" + end[:1], end[1:] + b"three" + end]
    lines = [line for lines in byte_lines(chunks, 1000) for line in lines]
    assert lines == [b"one" + end, BadLine.TOO_LONG, b"three" + end]


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=6) | st.sampled_from([b"\n", b"\r", b"\r\n"])))
def test_lines_do_not_depend_on_how_the_file_is_read(chunks: list[bytes]) -> None:
    lines = [line for lines in byte_lines(chunks, 1000) for line in lines]
    assert lines == b"".join(chunks).splitlines(keepends=True)


@settings(max_examples=50)
@given(st.lists(st.binary(max_size=20)))
def test_any_bytes_are_text(chunks: list[bytes]) -> None:
    try:
        lines = list(text_lines(chunks, 1000, Counter()))
    except UnicodeDecodeError:  # UTF-16 or UTF-32 that ends early
        assert b"".join(chunks)[:4].count(0) >= 2 or b"".join(chunks)[:1] in (b"\xff", b"\xfe")
        return
    assert all(isinstance(line, str) for line in lines)


def test_more_lines_than_a_file_can_have_are_not_read() -> None:
    lines = text_lines([b"\n" * 1000] * 1000, 5000, Counter())
    with pytest.raises(Bomb, match="more lines than bytes"):
        list(lines)
