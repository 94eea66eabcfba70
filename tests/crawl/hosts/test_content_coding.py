"""Content-Encoding: what is decoded, what is left, what is refused."""

import gzip
import zlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from components.crawl.hosts.content_coding import UndecodableError, decode_body
from tests.crawl.conftest import drawing, encoded

PICTURE = encoded(drawing(1), "JPEG")
RAW = zlib.compressobj(wbits=-15)
BARE = RAW.compress(PICTURE) + RAW.flush()


@pytest.mark.parametrize(
    ("header", "body"),
    [
        ("gzip", gzip.compress(PICTURE)),
        ("x-gzip", gzip.compress(PICTURE)),
        ("GZIP", gzip.compress(PICTURE)),
        ("identity, gzip", gzip.compress(PICTURE)),
        ("deflate", zlib.compress(PICTURE)),
        ("deflate", BARE),
        ("deflate", gzip.compress(PICTURE)),
        ("gzip", zlib.compress(PICTURE)),
        *((header, PICTURE) for header in ("", "none", "UTF-8", "gzip", "deflate", "br", "zstd", "gzip, gzip", ", ,")),
    ],
)
def test_a_picture_is_found_whatever_the_header_says(header: str, body: bytes) -> None:
    assert decode_body(body, header, 10**6) == PICTURE


@pytest.mark.parametrize("body", [gzip.compress(b"Disallow: /"), b"Disallow: /"])
def test_text_is_found_whatever_the_header_says(body: bytes) -> None:
    assert decode_body(body, "gzip", 100, text=True) == b"Disallow: /"


@pytest.mark.parametrize("compress", [gzip.compress, zlib.compress])
def test_no_more_is_decoded_than_shows_that_it_is_too_much(compress: type[bytes]) -> None:
    assert len(decode_body(compress(bytes(10**7)), "gzip", 1000)) == 1001


@given(st.binary(max_size=100), st.sampled_from(["gzip", "deflate", "br", "none", "gzip, deflate"]), st.booleans())
def test_no_body_is_another_error(body: bytes, header: str, text: bool) -> None:
    try:
        assert len(decode_body(body, header, 50, text=text)) <= max(51, len(body))
    except UndecodableError as error:
        assert str(error) == header
