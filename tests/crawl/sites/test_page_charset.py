import pytest
from scrapy.http import HtmlResponse, Request, Response, TextResponse
from scrapy.utils.response import get_meta_refresh

from components.crawl.sites.page_charset import PageCharset

REQUEST = Request("http://site.localhost/")
TEXT = "<p>Kräuter, café: čaj</p>"


@pytest.mark.parametrize("declared", ["undefined", "punycode", "idna", "hex", "utf-8", "utf-16", "nonsense"])
def test_what_a_page_declares_neither_raises_nor_chooses_a_foreign_codec(declared: str) -> None:
    page = f"<meta charset='{declared}'>{TEXT}"
    headers = {"Content-Type": f"text/html; charset={declared}"}
    found = PageCharset().process_response(REQUEST, HtmlResponse(REQUEST.url, headers=headers, body=page.encode()))
    assert found.text == page
    assert get_meta_refresh(found) == (None, None)


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode("utf-16"), ""),
        (TEXT.encode("utf-16-le"), "charset=utf-16"),
        ("\ufeff".encode() + TEXT.encode(), "charset=latin-1"),
        (f"<meta charset=windows-1250>{TEXT}".encode("cp1250"), ""),
    ],
)
def test_pages_are_read_in_their_encoding(body: bytes, content_type: str) -> None:
    response = HtmlResponse(REQUEST.url, headers={"Content-Type": content_type}, body=body)
    assert PageCharset().process_response(REQUEST, response).text.endswith(TEXT)


@pytest.mark.parametrize("kind", [Response, TextResponse])
def test_what_is_no_page_stays_as_it_is(kind: type[Response]) -> None:
    response = kind(REQUEST.url, body=b"\xff")
    assert PageCharset().process_response(REQUEST, response) is response
