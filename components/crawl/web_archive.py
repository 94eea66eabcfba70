"""Records of a WARC (gzip, zstd, lz4 or plain); unreadable parts are skipped."""

import io
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO

from fastwarc.stream_io import BrotliReader, ChunkedReader, GzipReader, WarcReader
from fastwarc.warc import ArchiveIterator, HeaderMap, WarcRecord, WarcRecordType

from components.crawl.counts import REFUSED, count_page
from components.crawl.pages.page import Page
from components.crawl.pair import Pair
from components.crawl.unreadable import Unreadable

# Magic numbers of a record: a gzip member, a zstd or lz4 frame, or a plain-text header.
_GZIP, _PLAIN = b"\x1f\x8b\x08", b"WARC/"
_MAGICS = (_GZIP, b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", _PLAIN)
_BLANK_LINE = b"\r\n\r\n"
_BLOCK = 1 << 20


class BadBody(Exception):
    """A payload that cannot be decoded as its headers declare."""


def read_records(stream: BinaryIO, types: WarcRecordType) -> Iterator[WarcRecord | Unreadable]:
    """Yields the records of these types, and unreadable parts in their place.

    After damage, it resumes at the next magic number. A record is valid until the next one is
    requested.

    Args:
        stream: a seekable stream at its start.
        types: the record types to yield.
    """
    beginning = stream.read(5)
    magics = [magic for magic in _MAGICS if beginning.startswith(magic)] or list(_MAGICS)
    offset: int | None = 0
    reported = False  # a damaged part is reported once, however many false magic numbers it has
    while offset is not None:
        stream.seek(offset)
        position, length = offset, 0
        read = False
        try:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.any_type, parse_http=False):
                position, length, read = record.stream_pos, record.content_length, True
                if record.record_type & types:
                    yield record
            trailing = _trailing_data(stream, position, length) if beginning else None
            if trailing is None:
                return
            position, error = trailing, "cut off"
        except OSError as problem:
            error = str(problem)
        if read or not reported:
            reported = True
            yield Unreadable(position, error)
        offset = _next_record_start(stream, position + 1, magics)


def _trailing_data(stream: BinaryIO, position: int, length: int) -> int | None:
    """The offset of an incomplete record at the end; None if there is none.

    To its reader, an archive that is truncated inside a header looks complete.
    """
    stream.seek(position)
    block = stream.read(_BLOCK)
    if block.startswith(_GZIP):
        end = _end_of_member(stream, block)
    elif block.startswith(_PLAIN):
        end = position + block.find(_BLANK_LINE) + len(_BLANK_LINE) + length + len(_BLANK_LINE)
    else:
        return None
    if end is None:
        return position
    stream.seek(end)
    return end if stream.read(_BLOCK).strip() else None


def _end_of_member(stream: BinaryIO, block: bytes) -> int | None:
    """The end of the gzip member that starts with the last `block`; None if truncated."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        while block:
            member.decompress(block, _BLOCK)
            if member.eof:
                return stream.tell() - len(member.unused_data)
            block = member.unconsumed_tail or stream.read(_BLOCK)
    except zlib.error:
        return None
    return None


def _next_record_start(stream: BinaryIO, offset: int, magics: list[bytes]) -> int | None:
    """The offset of the next magic number, from `offset` on; None if there is none."""
    tail = b""
    stream.seek(offset)
    while block := stream.read(_BLOCK):
        window = tail + block
        offsets = [found for magic in magics if (found := window.find(magic)) >= 0]
        if offsets:
            return offset - len(tail) + min(offsets)
        offset += len(block)
        tail = window[-4:]
    return None


def read_pages(
    stream: BinaryIO,
    types: WarcRecordType,
    read: Callable[[WarcRecord], Page | Unreadable | str],
    counts: Counter[str],
) -> Iterator[Pair | Unreadable]:
    """Yields the pairs of an archive's pages, and unreadable records in their place.

    Args:
        stream: a seekable stream at its start.
        types: the record types that may be pages.
        read: reads a record's page, or the reason why it has none; "" for a record to ignore.
        counts: receives the counts of pages and pairs.
    """
    reported = -1
    for record in read_records(stream, types):
        found = record if isinstance(record, Unreadable) else read(record)
        if isinstance(found, Page):
            count_page(counts, found)
            yield from found.pairs
        elif isinstance(found, str):
            counts.update([f"{REFUSED}{found}"] if found else [])
        elif found.offset != reported:
            reported = found.offset
            yield found


def read_body(record: WarcRecord, headers: HeaderMap, max_bytes: int) -> bytes | None:
    """The decoded payload of an HTTP record; None if it is longer than `max_bytes`.

    Common Crawl stores decoded payloads under renamed headers; other crawlers store them as
    received.

    Raises:
        BadBody: if it cannot be decoded, or is truncated.
    """
    expected = record.content_length
    raw = record.reader.read(min(expected, max_bytes + 1))
    if len(raw) < min(expected, max_bytes + 1):
        raise BadBody("cut off")
    codings = [c.strip().lower() for c in (headers.get("Content-Encoding") or "").split(",") if c.strip()]
    chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()
    if chunked or codings:
        raw = _decode_body(raw, chunked, codings, max_bytes)
    return raw if len(raw) <= max_bytes else None


def _decode_body(raw: bytes, chunked: bool, codings: list[str], max_bytes: int) -> bytes:
    reader: WarcReader | io.BytesIO = io.BytesIO(raw)
    if chunked and raw[:1] in b"0123456789abcdefABCDEF":  # else it is decoded already
        reader = ChunkedReader(reader)
    try:
        body = reader.read(max_bytes + 1)
        for coding in reversed(codings):
            body = _decode_coding(body, coding, max_bytes)
    except OSError as error:
        raise BadBody(str(error)) from error
    return body


def _decode_coding(body: bytes, coding: str, max_bytes: int) -> bytes:
    if coding in ("gzip", "x-gzip"):
        return GzipReader(io.BytesIO(body)).read(max_bytes + 1) if body.startswith(b"\x1f\x8b") else body
    if coding == "deflate":
        return GzipReader(io.BytesIO(body), zlib=True).read(max_bytes + 1)
    if coding == "br":
        return BrotliReader(io.BytesIO(body)).read(max_bytes + 1)
    if coding == "identity":
        return body
    raise BadBody(f"unknown coding {coding!r}")
