"""Records of a web archive (WARC; gzip, zstd, lz4 or plain), also of a damaged one: what cannot be read is skipped and named."""

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

# How a record may begin: a gzip member, a zstd or lz4 frame, or a header in plain text.
_GZIP, _PLAIN = b"\x1f\x8b\x08", b"WARC/"
_BEGINNINGS = (_GZIP, b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18", _PLAIN)
_BLANK_LINE = b"\r\n\r\n"
_STEP = 1 << 20


class BadBody(Exception):
    """A payload that does not unfold as its headers say."""


def read_records(stream: BinaryIO, types: WarcRecordType) -> Iterator[WarcRecord | Unreadable]:
    """The records of these types, and in their place what cannot be read; goes on at the next thing that looks like a record.

    A record is valid until the next one is asked for.

    Args:
        stream: seekable, at its beginning.
        types: the record types to yield.
    """
    beginning = stream.read(5)
    marks = [mark for mark in _BEGINNINGS if beginning.startswith(mark)] or list(_BEGINNINGS)
    offset: int | None = 0
    told = False  # a damaged stretch is told once, however many false beginnings it holds
    while offset is not None:
        stream.seek(offset)
        last, length = offset, 0
        read = False
        try:
            for record in ArchiveIterator(stream, record_types=WarcRecordType.any_type, parse_http=False):
                last, length, read = record.stream_pos, record.content_length, True
                if record.record_type & types:
                    yield record
            rest = _left_over(stream, last, length) if beginning else None
            if rest is None:
                return
            last, error = rest, "cut off"
        except OSError as problem:
            error = str(problem)
        if read or not told:
            told = True
            yield Unreadable(last, error)
        offset = _next_beginning(stream, last + 1, marks)


def _left_over(stream: BinaryIO, last: int, length: int) -> int | None:
    """Where bytes begin that are no whole record, after the last one or in it; None if there are none.

    An archive that was cut off inside a header ends for its reader as if it were whole.
    """
    stream.seek(last)
    block = stream.read(_STEP)
    if block.startswith(_GZIP):
        end = _end_of_member(stream, block)
    elif block.startswith(_PLAIN):
        end = last + block.find(_BLANK_LINE) + len(_BLANK_LINE) + length + len(_BLANK_LINE)
    else:
        return None
    if end is None:
        return last
    stream.seek(end)
    return end if stream.read(_STEP).strip() else None


def _end_of_member(stream: BinaryIO, block: bytes) -> int | None:
    """Where the gzip member ends that begins with this block, the last that was read; None if it does not end."""
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:
        while block:
            member.decompress(block, _STEP)
            if member.eof:
                return stream.tell() - len(member.unused_data)
            block = member.unconsumed_tail or stream.read(_STEP)
    except zlib.error:
        return None
    return None


def _next_beginning(stream: BinaryIO, offset: int, marks: list[bytes]) -> int | None:
    """Where one of the marks comes next, from an offset on; None if nowhere."""
    kept = b""
    stream.seek(offset)
    while block := stream.read(_STEP):
        window = kept + block
        places = [place for mark in marks if (place := window.find(mark)) >= 0]
        if places:
            return offset - len(kept) + min(places)
        offset += len(block)
        kept = window[-4:]
    return None


def read_pages(
    stream: BinaryIO,
    types: WarcRecordType,
    read: Callable[[WarcRecord], Page | Unreadable | str],
    counts: Counter[str],
) -> Iterator[Pair | Unreadable]:
    """The pairs of an archive's pages, in order, and in their place the records that cannot be read, each told once.

    Args:
        stream: seekable, at its beginning.
        types: the record types that may be pages.
        read: gives a record's page, or why it gives nothing; "" for a record that is none.
        counts: receives what became of pages and pairs.
    """
    told = -1
    for record in read_records(stream, types):
        found = record if isinstance(record, Unreadable) else read(record)
        if isinstance(found, Page):
            count_page(counts, found)
            yield from found.pairs
        elif isinstance(found, str):
            counts.update([f"{REFUSED}{found}"] if found else [])
        elif found.offset != told:
            told = found.offset
            yield found


def read_body(record: WarcRecord, headers: HeaderMap, most: int) -> bytes | None:
    """The payload of an HTTP record, unfolded as its headers say; None if it is longer than `most` bytes.

    Common Crawl stores payloads unfolded, under renamed headers; other crawlers store them as they came.

    Raises:
        BadBody: if it does not unfold, or ends early.
    """
    expected = record.content_length
    raw = record.reader.read(min(expected, most + 1))
    if len(raw) < min(expected, most + 1):
        raise BadBody("cut off")
    codings = [c.strip().lower() for c in (headers.get("Content-Encoding") or "").split(",") if c.strip()]
    chunked = "chunked" in (headers.get("Transfer-Encoding") or "").lower()
    if chunked or codings:
        raw = _unfold(raw, chunked, codings, most)
    return raw if len(raw) <= most else None


def _unfold(raw: bytes, chunked: bool, codings: list[str], most: int) -> bytes:
    reader: WarcReader | io.BytesIO = io.BytesIO(raw)
    if chunked and raw[:1] in b"0123456789abcdefABCDEF":  # some crawlers keep the header of what they have unfolded
        reader = ChunkedReader(reader)
    try:
        folded = reader.read(most + 1)
        for coding in reversed(codings):
            folded = _decoded(folded, coding, most)
    except OSError as error:
        raise BadBody(str(error)) from error
    return folded


def _decoded(folded: bytes, coding: str, most: int) -> bytes:
    if coding in ("gzip", "x-gzip"):
        return GzipReader(io.BytesIO(folded)).read(most + 1) if folded.startswith(b"\x1f\x8b") else folded
    if coding == "deflate":
        return GzipReader(io.BytesIO(folded), zlib=True).read(most + 1)
    if coding == "br":
        return BrotliReader(io.BytesIO(folded)).read(most + 1)
    if coding == "identity":
        return folded
    raise BadBody(f"unknown coding {coding!r}")
