import pytest

from components.crawl.pages.charset import decode

TEXT = "<p>Kräuter, café, naïve: čaj</p>"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), "text/html; charset=utf-8"),
        (TEXT.encode(), "text/html"),
        (TEXT.encode("utf-16"), "text/html"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "text/html; charset=iso-8859-1"),
        (TEXT.encode("iso-8859-2", "replace"), "text/html; charset=ISO-8859-2"),
    ],
)
def test_the_charset_of_the_header_or_a_bom_is_used(body: bytes, content_type: str) -> None:
    assert decode(body, content_type).replace("?", "ï").endswith(TEXT)


def test_the_charset_of_the_page_is_used() -> None:
    page = "<meta charset='windows-1251'><p>Привет</p>"
    assert decode(page.encode("cp1251"), "text/html") == page


def test_an_undeclared_charset_is_detected() -> None:
    page = "<p>" + "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 20 + "</p>"
    assert "французских" in decode(page.encode("cp1251"), "text/html")


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"\x00" * 100, bytes(range(256)) * 10])
def test_any_bytes_are_decoded(body: bytes) -> None:
    assert isinstance(decode(body, "text/html; charset=nonsense"), str)
