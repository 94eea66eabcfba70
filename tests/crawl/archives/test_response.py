import io

import pytest
from fastwarc.warc import ArchiveIterator

from components.crawl.archives.coding import BadBody
from components.crawl.archives.response import Response, read_body, read_response
from tests.crawl.sources.archives import record

HEADERS = b"content-TYPE: text/html\r\nX-Robots-Tag: noai\r\nX-Robots-Tag: nofollow\r\n\r\n"


def read(block: bytes, max_bytes: int = 1000) -> tuple[Response | None, bytes | None]:
    archive = ArchiveIterator(io.BytesIO(record("response", "http://a.example/", block)), parse_http=False)
    one = next(iter(archive))
    response = read_response(one)
    return response, None if response is None else read_body(one, response, max_bytes, [].append)


@pytest.mark.parametrize(
    ("line", "status"),
    [
        (b"HTTP/1.1 200 OK", 200),
        (b"http/1.1 200 OK", 200),
        (b"HTTP/2 200", 200),
        (b"HTTP/1.0  404 Not Found", 404),
        (b"HTTP/1.1\t301\tMoved", 301),
        (b"\r\nHTTP/1.1 200 OK", 200),
        (b"ICY 200 OK", 200),
        (b"HTTP 200 OK", 200),
        (b"HTTP/1.1 99999 x", None),
        (b"HTTP/1.1 20x x", None),
        (b"HTTP/1.1 \xd9\xa2\xd9\xa0\xd9\xa0 OK", None),
        (b"<html> 200", None),
        (b"", None),
    ],
)
def test_the_status_is_read_however_it_is_written(line: bytes, status: int | None) -> None:
    response, _ = read(line + b"\r\n" + HEADERS + b"<p>")
    assert status == (None if response is None else response.status)


@pytest.mark.parametrize("end", [b"\r\n", b"\n"])
@pytest.mark.parametrize("body", [b"<p>", b"<p>\r\n\r\n<p>", b"<p>\n\n<p>", b"x" * 20_000])
def test_headers_end_at_the_first_blank_line_of_any_kind(end: bytes, body: bytes) -> None:
    response, found = read(b"HTTP/1.1 200 OK\r\n".replace(b"\r\n", end) + HEADERS.replace(b"\r\n", end) + body, 30_000)
    assert response is not None
    assert response.headers.get("Content-Type") == "text/html"
    assert response.headers.get_multiple("X-Robots-Tag") == ("noai", "nofollow")
    assert found == body


def test_interim_responses_are_skipped() -> None:
    response, body = read(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n" + HEADERS + b"<p>")
    assert (response is not None and response.status, body) == (200, b"<p>")


def test_headers_without_a_body_are_a_response() -> None:
    response, body = read(b"HTTP/1.1 204 No Content\r\nServer: x")
    assert (response is not None and response.status, body) == (204, b"")


@pytest.mark.parametrize("length", [40_000, 70_000])
def test_headers_may_not_be_endless(length: int) -> None:
    with pytest.raises((BadBody, OSError)):
        read(b"HTTP/1.1 200 OK\r\nX: " + b"a" * length + b"\r\n\r\n<p>")


def test_transfer_codings_are_undone_like_content_codings() -> None:
    headers = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: identity\r\nTransfer-Encoding: Chunked\r\n\r\n"
    assert read(headers + b"3\r\n<p>\r\n0\r\n\r\n")[1] == b"<p>"


def test_a_body_longer_than_is_wanted_is_not_read() -> None:
    assert read(b"HTTP/1.1 200 OK\r\n\r\n" + b"x" * 1001)[1] is None
