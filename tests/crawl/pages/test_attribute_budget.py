import pytest

from components.crawl.pages.attribute_budget import end_of_attributes
from components.crawl.pages.parse_budget import within_budget

_MANY = " ".join(f"a{n}" for n in range(30_000))
FLOODS = {
    "names": f"<img {_MANY}>",
    "values": "<img " + " ".join(f"a{n}=b" for n in range(20_000)) + ">",
    "values with ends": "<img " + " ".join(f'a{n}="x>y"' for n in range(20_000)) + ">",
    "values with tags": "<img " + "".join(f"a{n}='<b>\"'" for n in range(20_000)) + ">",
    "slashes": "<img/" + _MANY.replace(" ", "/") + ">",
    "around a long value": f'<img {_MANY[:70_000]} x="{"<b>y</b>" * 20_000}" {_MANY}>',
    "not closed": f"<img {_MANY}",
    "bodies": "".join(f"<BODY a{n}>" for n in range(10_000)),
    "roots": "".join(f"<html/a{n}>" for n in range(10_000)),
}
# What may stand before, and looks as if a script began, or had not ended.
BEFORE = [
    "",
    "<p>a crab</p>",
    '<a x="<script>"></a>',
    "<!-- <script> -->",
    "<!-->",
    "<!x <script>",
    "<textarea><script></textarea>",
    "<svg><style>",
    "<select><title>",
    "<frameset><script>",
    "<svg><![CDATA[<!-- ]]>",
    "<a <script>",
    "<script></SCRIPT >",
    "<style></stylex></style/>",
    '<p "><script>"></script>',
]


@pytest.mark.parametrize("name", FLOODS)
@pytest.mark.parametrize("before", BEFORE)
def test_a_document_ends_before_an_element_with_too_many_attributes(before: str, name: str) -> None:
    end = end_of_attributes(f"{before}{FLOODS[name]}".encode())
    assert len(before) <= end <= len(before) + (300 if name in ("bodies", "roots") else 0)


@pytest.mark.parametrize(
    "document",
    [
        "<p class=a>a word</p>" * 20_000,
        "one word after another " * 20_000,
        "<script>x={" + '"a b":"c d/e f", ' * 20_000 + "}</script>",
        "<script>if(a<b){x={" + '"a b":"c d/e f", ' * 20_000 + "}}</script>",
        "<style>" + "a b c d {e:f} " * 20_000 + "</style>",
        "<!-- " + "<a b c d " * 20_000 + "-->",
        f'<img src="data:image/png;base64,{"ab/c" * 50_000}">',
        f"<div data-json='{'{a: b, c: d} ' * 20_000}'>",
        '<p>it\'s a "word" > ' * 20_000,
    ],
)
def test_other_documents_are_whole(document: str) -> None:
    assert end_of_attributes(document.encode()) == len(document)


def test_a_short_document_is_not_looked_at() -> None:
    html = f"<img {_MANY[:50_000]}>".encode()
    assert within_budget(html) == html
