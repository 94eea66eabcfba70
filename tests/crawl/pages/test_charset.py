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
def test_what_the_server_or_a_mark_says_counts(body: bytes, content_type: str) -> None:
    assert decode(body, content_type).replace("?", "ï").endswith(TEXT)


def test_what_the_page_says_counts() -> None:
    page = "<meta charset='windows-1251'><p>Привет</p>"
    assert decode(page.encode("cp1251"), "text/html") == page


def test_where_nobody_says_anything_it_is_seen() -> None:
    page = "<p>" + "Съешь же ещё этих мягких французских булок, да выпей чаю. " * 20 + "</p>"
    assert "французских" in decode(page.encode("cp1251"), "text/html")


@pytest.mark.parametrize("body", [b"", b"\xff\xfe", b"\x00" * 100, bytes(range(256)) * 10])
def test_any_bytes_have_a_text(body: bytes) -> None:
    assert isinstance(decode(body, "text/html; charset=nonsense"), str)
