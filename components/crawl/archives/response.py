"""HTTP responses in records of an archive."""

import io
import re
from dataclasses import dataclass

from fastwarc.warc import HeaderMap, WarcRecord

from components.crawl.archives.coding import BadBody, Spend, unchunk, unfold

# `HTTP/1.1 200 OK`, also in small letters, with tabs, or without a reason.
_STATUS = re.compile(rb"\s*(?:https?|icy)(?:/[0-9.]+)?[ \t]+([1-9][0-9]{2})(?![0-9])", re.IGNORECASE)
_LINE_END = re.compile(rb"\r?\n")
# Bytes of a record that are read for its headers, first, and that they may have.
_FIRST, _LONGEST = 1 << 13, 1 << 16
# Interim responses (100 Continue) that may precede the response.
_INTERIM, _MOST_INTERIM = range(100, 200), 4


@dataclass(frozen=True)
class Response:
    """A response whose body is not read yet.

    Attributes:
        status: its status.
        headers: its headers.
        begun: the beginning of its body, read with the headers.
        rest: the number of bytes of its body after that.
    """

    status: int
    headers: HeaderMap
    begun: bytes
    rest: int

    def tokens(self, name: str) -> list[str]:
        """The values of all headers of this name, which are lists, in lower case."""
        values = self.headers.get_multiple(name)
        return [token for part in ",".join(values).lower().split(",") if (token := part.strip())] if values else []


def is_http(record: WarcRecord) -> bool:
    """Whether a record holds a response as it was received, not one of another protocol."""
    if record.is_http:
        return True
    headers = record.headers
    return any("http" in (headers.get(name) or "").lower() for name in ("Content-Type", "WARC-Target-URI"))


def read_response(record: WarcRecord) -> Response | None:
    """Reads the headers of a record's response; None if it does not begin with any.

    Raises:
        BadBody: if they are too long.
    """
    length = record.content_length
    block = record.reader.read(min(length, _FIRST))
    end = _end_of_headers(block)
    if not end and len(block) < length:
        block += record.reader.read(min(length, _LONGEST) - len(block))
        end = _end_of_headers(block)
    rest = length - len(block)
    for _ in range(1 + _MOST_INTERIM):
        status = _STATUS.match(block)
        if status is None:
            return None
        if not end and rest:
            raise BadBody(f"headers of more than {_LONGEST} bytes")
        if int(status[1]) not in _INTERIM:
            return Response(int(status[1]), _headers(block[: end or len(block)]), block[end or len(block) :], rest)
        block = block[end or len(block) :]
        end = _end_of_headers(block)
    return None


def _end_of_headers(block: bytes) -> int:
    """The offset after the first blank line; 0 if there is none."""
    end = block.find(b"\n\r\n")
    bare = block.find(b"\n\n", 0, end if end >= 0 else len(block))
    return bare + 2 if bare >= 0 else end + 3 if end >= 0 else 0


def _headers(block: bytes) -> HeaderMap:
    if block.count(b"\n") != block.count(b"\r\n"):
        block = _LINE_END.sub(b"\r\n", block)
    headers = HeaderMap("latin1")
    headers.parse(io.BytesIO(block.lstrip()))
    return headers


def read_body(record: WarcRecord, response: Response, max_bytes: int, spend: Spend) -> bytes | None:
    """The body of a response as its server meant it; None if it is longer than `max_bytes`.

    Args:
        record: where its headers were read.
        response: its headers.
        max_bytes: the longest body that is wanted.
        spend: counts the effort.

    Raises:
        BadBody: if it cannot be decoded, or is truncated.
    """
    wanted = max(0, min(response.rest, max_bytes + 1 - len(response.begun)))
    more = record.reader.read(wanted) if wanted else b""
    if len(more) < wanted:
        raise BadBody("cut off")
    body = response.begun + more
    if len(body) > max_bytes:
        return None
    transfer = response.tokens("Transfer-Encoding")
    if "chunked" in transfer:
        body = unchunk(body, spend)
    codings = [*response.tokens("Content-Encoding"), *(one for one in transfer if one != "chunked")]
    return unfold(body, codings, max_bytes, spend)
