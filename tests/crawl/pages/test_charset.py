import codecs
import encodings.aliases

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from components.crawl.pages.charset import decode, detect, encoding_of
from components.crawl.pages.encoding_labels import CODECS, codec_of

TEXT = "<p>Kräuter, café, naïve: čaj</p>"


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (TEXT.encode(), "text/html; charset=utf-8"),
        (TEXT.encode(), "text/html"),
        (TEXT.encode("utf-16"), "text/html"),
        (TEXT.encode("utf-16-le"), "text/html; charset=utf-16"),
        (TEXT.encode("utf-16-be"), "text/html; charset=utf-16"),
        (TEXT.encode("utf-32"), "text/html"),
        (b"\xef\xbb\xbf" + TEXT.encode(), "text/html; charset=iso-8859-1"),
        (TEXT.encode("iso-8859-2", "replace"), "text/html; charset=ISO-8859-2"),
        (TEXT.encode("iso-8859-2", "replace"), "text/html; x=1;charset = 'l2'"),
    ],
)
def test_the_charset_of_the_header_or_a_bom_is_used(body: bytes, content_type: str) -> None:
    assert decode(body, content_type).replace("?", "ï") == TEXT


@pytest.mark.parametrize(
    "head",
    [
        "<meta charset='windows-1251'>",
        "<META CHARSET=windows-1251>",
        '<meta http-equiv="Content-Type" content="text/html; charset=windows-1251">',
        '<!-- <meta charset="utf-8"> --><meta charset=" x-cp1251 ">',
        '<meta name="description" content="charset=utf-8"><meta charset=cp1251>',
        '<meta charset="undefined"><meta charset="cp1251">',
        '<?xml version="1.0" encoding="windows-1251"?>',
    ],
)
def test_the_charset_of_the_page_is_used(head: str) -> None:
    page = head + "<p>Привет</p>"
    assert decode(page.encode("cp1251"), "text/html") == page


@pytest.mark.parametrize("declared", ["utf-16", "unicode", "utf-16be"])
def test_a_page_that_cannot_be_utf_16_is_not_read_as_such(declared: str) -> None:
    page = f"<meta charset={declared}>{TEXT}"
    assert decode(page.encode(), "") == page
    assert decode(TEXT.encode(), f"text/html; charset={declared}") == TEXT


# Python's codecs that browsers have not: they raise, take minutes, or hide markup.
FOREIGN = sorted(
    {name for name in {*encodings.aliases.aliases, *encodings.aliases.aliases.values()} if codec_of(name) is None}
    | {"undefined", "idna", "punycode", "unicode_escape", "raw_unicode_escape", "utf-7", "oem", "replacement"}
)


@pytest.mark.parametrize("declared", FOREIGN)
def test_what_browsers_do_not_decode_is_detected_instead(declared: str) -> None:
    page = f"<meta charset='{declared}'>{TEXT}"
    assert decode(page.encode(), f"text/html; charset={declared}") == page


def test_dangerous_codecs_have_no_label() -> None:
    assert {"undefined", "idna", "punycode", "hex", "zip", "zlib_codec", "rot13", "utf_7", "cp037"} <= set(FOREIGN)
    assert all(codecs.lookup(codec)._is_text_encoding for codec in CODECS)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("label", "codec"),
    [
        ("ISO-8859-1", "cp1252"),
        (" us-ascii\n", "cp1252"),
        ("gb2312", "gb18030"),
        ("x-gbk", "gb18030"),
        ("ks_c_5601-1987", "cp949"),
        ("x-sjis", "cp932"),
        ("iso-8859-8-i", "iso8859-8"),
        ("unicode-1-1-utf-8", "utf-8"),
        ("utf_8", "utf-8"),
        ("latin-1", "cp1252"),
        ("windows1251", "cp1251"),
        ("", None),
        ("utf8mb4", None),
        ("hz-gb-2312", None),
    ],
)
def test_labels_mean_what_they_mean_to_browsers(label: str, codec: str | None) -> None:
    assert codec_of(label) == codec


SENTENCES = {
    "cp1251": "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
    "koi8-r": "Съешь же ещё этих мягких французских булок, да выпей чаю. ",
    "cp1252": "Voilà un été à l'île, où l'on goûte des pêches très mûres près de la forêt. ",
    "cp1253": "Ξεσκεπάζω την ψυχοφθόρα βδελυγμία, και τα σκυλιά τρέχουν στην αυλή. ",
    "cp932": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "euc_jp": "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。",
    "gb18030": "春眠不觉晓，处处闻啼鸟。夜来风雨声，花落知多少。",
    "big5hkscs": "床前明月光，疑是地上霜。舉頭望明月，低頭思故鄉。",
}


@pytest.mark.parametrize("codec", SENTENCES)
@pytest.mark.parametrize("scripts", [0, 10_000])
def test_an_undeclared_charset_is_detected_from_the_text_not_from_scripts(codec: str, scripts: int) -> None:
    page = f"<script>{'x' * scripts}</script>" + f"<p>{SENTENCES[codec]}</p>\n" * 80
    assert decode(page.encode(codec), "text/html") == page


def test_a_broken_character_does_not_change_the_encoding() -> None:
    page = ("<p>" + SENTENCES["cp1252"] * 20).encode()
    assert decode(page + b"\xff", "") == page.decode() + "\ufffd"
    assert detect(page.decode().encode("cp1252")) == "cp1252"


def test_the_byte_order_mark_comes_before_what_is_declared() -> None:
    assert encoding_of(b"\xef\xbb\xbfurl", "text/csv; charset=utf-16") == ("utf-8", 3)
    assert encoding_of(b"url") == ("utf-8", 0)


@settings(max_examples=40, deadline=None)
@given(
    st.binary(max_size=600) | st.text(max_size=300).map(lambda text: text.encode("utf-8", "surrogatepass")),
    st.sampled_from(["", "text/html", "charset=", "charset=\x00", *(f"charset={label}" for label in FOREIGN)]),
    st.sampled_from(["", "<meta charset=big5>", "<meta http-equiv content='charset=x-user-defined'>", "\ufeff"]),
)
def test_any_bytes_are_decoded(body: bytes, content_type: str, head: str) -> None:
    assert isinstance(decode(head.encode() + body, content_type), str)
