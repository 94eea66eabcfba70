"""Columns of lists are found however they are called, and a list without them is an error."""

import pytest

from components.crawl.lists.columns import Columns, columns_without_names, find_columns
from components.errors import InputError
from tests.crawl.lists.reading import A, B, pairs

NONE = ("", "")


@pytest.mark.parametrize(
    ("names", "columns"),
    [
        (["url", "caption"], (0, 1)),
        (["TEXT", "URL"], (1, 0)),
        (["Image URL", "Alt Text"], (0, 1)),
        (["Image Src", "Image Alt Text", "Title"], (0, 1)),
        (["id", "title", "description", "link", "image_link"], (4, 2)),
        (["imageUrl", "altText"], (0, 1)),
        (["IMG-URL", "img.alt"], (0, 1)),
        (["image-url", "image caption"], (0, 1)),
        (["url", "image_url", "text"], (1, 2)),
        (["page_url", "image_url", "caption_reference_description"], (1, 2)),
        (["URL", "TOP_CAPTION", "all_captions"], (0, 1)),
        ([" url ", '"caption"'], (0, 1)),
        (["url", "caption", "caption"], (0, 1)),
        (["photo_image_url", "photo_description"], None),
        (["where", "what"], None),
        (["url"], None),
        ([], None),
    ],
)
def test_usual_names_are_found_in_any_spelling(names: list[str], columns: tuple[int, int] | None) -> None:
    found = find_columns(names, NONE)
    assert found == (None if columns is None else Columns(*columns)) or (columns is None and isinstance(found, str))


@pytest.mark.parametrize(
    ("wanted", "columns"),
    [
        (("where", "What"), (0, 1)),
        (("WHERE", "what"), (0, 1)),
        (("0", "1"), (0, 1)),
        (("2", ""), (2, 3)),
        (("", "1"), (2, 1)),
        (("a b", "1"), (4, 1)),
        (("A_B", "1"), (4, 1)),
        (("6", "1"), (5, 1)),
    ],
)
def test_columns_are_named_or_numbered_by_the_user(wanted: tuple[str, str], columns: tuple[int, int]) -> None:
    assert find_columns(["where", "what", "url", "text", "a b", "6", "x"], wanted) == Columns(*columns)


@pytest.mark.parametrize("wanted", [("99", ""), ("-1", ""), ("0" * 5000, ""), ("nope", ""), ("", "url")])
def test_a_column_that_is_not_there_is_named_with_the_others(wanted: tuple[str, str]) -> None:
    found = find_columns(["url", "x" * 500, *map(str, range(100, 200))], wanted)
    assert isinstance(found, str)
    assert "'url'" in found
    assert "or give its number, from 0" in found
    assert len(found) < 6000


@pytest.mark.parametrize(
    ("first", "wanted", "columns"),
    [
        ([A, "a crab"], NONE, (0, 1)),
        (["a crab", A], NONE, (1, 0)),
        (["a crab", A.upper()], NONE, (1, 0)),
        (["7", "a crab", A], NONE, None),
        (["7", "a crab", A], ("", "1"), (2, 1)),
        (["7", "a crab", A], ("2", "1"), (2, 1)),
        ([A, B], NONE, None),
        ([A, B], ("1", ""), (1, 0)),
        (["img/1.jpg", "a crab"], ("0", ""), (0, 1)),
        (["", "a crab"], ("0", "1"), (0, 1)),
        (["url", "caption"], ("0", "1"), None),
        (["url", "caption"], NONE, None),
        ([A, "a crab"], ("url", ""), None),
        ([A], NONE, None),
        ([], NONE, None),
        ([None, 7], NONE, None),
    ],
)
def test_a_first_row_with_an_address_is_no_header(
    first: list[str], wanted: tuple[str, str], columns: tuple[int, int] | None
) -> None:
    assert columns_without_names(first, wanted) == (None if columns is None else Columns(*columns))


@pytest.mark.parametrize("ending", ["csv", "tsv"])
@pytest.mark.parametrize("separator", [",", ";", "\t", "|"])
@pytest.mark.parametrize("header", [["url", "caption"], ["Image URL", "Alt Text"], ["image_link", "description"], None])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_lists_as_programs_write_them(ending: str, separator: str, header: list[str] | None, end: str) -> None:
    rows = [*([header] if header else []), [A, "a red crab"], [B, "an owl"]]
    data = "".join(separator.join(row) + end for row in rows).encode()
    assert pairs(data, f"a.{ending}") == [(A, "a red crab"), (B, "an owl")]


@pytest.mark.parametrize(
    ("data", "wanted"),
    [
        (f"sep=;\nurl;caption\n{A};a crab\n", {}),
        (f'"sep=;"\n\nurl;caption\n{A};a crab\n', {}),
        (f"\ufeffurl,caption\n{A},a crab\n", {}),
        (f"\n\nurl,caption\n\n{A},a crab\n\n", {}),
        (f'"url","caption"\n"{A}","a crab"\n', {}),
        (f"a crab\t{A}\n", {}),
        (f"{A};a crab, at sea\n{A};a crab\n", {}),
        (f"7,{A},a crab\n", {"url_column": "1", "text_column": "2"}),
        (f"n,where,what\n7,{A},a crab\n", {"url_column": "1", "text_column": "2"}),
        (f"n,where,what\n7,{A},a crab\n", {"url_column": "where", "text_column": "2"}),
    ],
)
def test_lists_with_and_without_header(data: str, wanted: dict[str, str]) -> None:
    assert pairs(data.encode(), "a.csv", **wanted)[-1] == (A, "a crab")


@pytest.mark.parametrize(
    ("name", "data", "said"),
    [
        ("a.csv", b"where,what\nhttp://a.example/1.jpg,a crab\n", "no column of the usual names"),
        ("a.csv", b"7,a crab,http://a.example/1.jpg\n", "it has no header, and its first row has 3 values"),
        ("a.csv", b"url\nhttp://a.example/1.jpg\n", "no column of the usual names"),
        ("a.csv", b"url,text\nimg/1.jpg,a crab\nimg/2.jpg,an owl\n", "the first: 'img/1.jpg' with the text 'a crab'"),
        ("a.jsonl", b'{"where": "x"}\n{"where": "x"}\n', "no column of the usual names"),
        ("a.jsonl", b"nonsense\nnonsense\n", "none of its rows gives a pair; the first: line 1"),
        ("a.json", b'[{"where": "x"}, {"where": "x"}]', "no column of the usual names"),
    ],
)
def test_a_list_that_gives_nothing_is_an_error_that_names_it(name: str, data: bytes, said: str) -> None:
    with pytest.raises(InputError, match=rf"^{name}: .*{said}") as error:
        pairs(data, name)
    assert "-column" in str(error.value) or b"nonsense" in data
