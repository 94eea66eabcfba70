"""Records of a WARC (gzip, zstd, lz4 or plain); unreadable parts are skipped."""

import zlib
from collections.abc import Iterator
from typing import BinaryIO

from fastwarc.warc import ArchiveIterator, WarcRecord, WarcRecordType

from components.crawl.archives.effort import Effort, MeasuredStream
from components.crawl.unreadable import Unreadable

# Magic numbers of a record: a gzip member, a zstd or lz4 frame, or a plain-text header.
_GZIP, _PLAIN = b"\x1f\x8b\x08", b"WARC/"
_DENSE = (b"\x28\xb5\x2f\xfd", b"\x04\x22\x4d\x18")
_MAGICS = (_GZIP, *_DENSE, _PLAIN)
_TYPES, _UNNAMED = ("response", "metadata"), (WarcRecordType.no_type, WarcRecordType.unknown)
_BLANK_LINE = b"\r\n\r\n"
# Bytes that hold a record's header; bytes that are searched at a time, at first and at most.
_HEADER, _SMALL_BLOCK, _BLOCK = 1 << 16, 1 << 12, 1 << 20
# What a record costs, and a restart after damage, in units of `Effort`.
_RECORD, _BEGINNING = 1 << 14, 1 << 16


def read_records(stream: BinaryIO, kind: WarcRecordType, effort: Effort) -> Iterator[WarcRecord | Unreadable]:
    """Yields the records of a type, and unreadable parts in their place.

    After damage, it resumes at the next magic number. A record is valid until the next one is
    requested.

    Args:
        stream: a seekable stream at its start.
        kind: the type of the records to yield.
        effort: what may be spent.

    Raises:
        TooCostly: if all is spent.
    """
    size = stream.seek(0, 2)
    stream.seek(0)
    beginning = stream.read(len(_PLAIN))
    magics = [magic for magic in _MAGICS if beginning.startswith(magic)] or list(_MAGICS)
    plain = magics == [_PLAIN]
    measured = MeasuredStream(stream, effort, dense=beginning.startswith(_DENSE))
    offset: int | None = 0
    reported = False  # a damaged part is reported once, however many false magic numbers it has
    while offset is not None:
        effort.spend(_BEGINNING)
        measured.begin(offset)
        effort.place = offset
        position, length = offset, 0
        read = False
        try:
            for record in ArchiveIterator(measured, record_types=WarcRecordType.any_type, parse_http=False):
                measured.found()
                position, length = record.stream_pos, record.content_length
                effort.place = position
                if plain and position + length > size:
                    raise OSError("cut off")
                read = True
                if _type_of(record) == kind:
                    yield record
                effort.spend(_RECORD + record.reader.consume())
                measured.search()
            trailing = _trailing_data(stream, position, length, effort) if beginning else None
            if trailing is None:
                return
            (position, rest), error = trailing, "cut off"
        except OSError as problem:
            rest, error = position + 1, str(problem)
        if read or not reported:
            reported = True
            yield Unreadable(position, error)
        offset = _next_record_start(stream, max(rest, offset + 1), magics, effort)


def _type_of(record: WarcRecord) -> WarcRecordType:
    """The type of a record; FastWARC knows it only if its name is written as in the standard."""
    kind = record.record_type
    if kind not in _UNNAMED:
        return kind
    name = (record.headers.get("WARC-Type") or "").strip().lower()
    return getattr(WarcRecordType, name) if name in _TYPES else WarcRecordType.unknown


def _trailing_data(stream: BinaryIO, position: int, length: int, effort: Effort) -> tuple[int, int] | None:
    """The offset of damage after the last record, and where to read on; None if there is none.

    To its reader, an archive looks complete that is truncated inside a header, or whose last record
    is longer than its gzip member and takes the next ones for its own.
    """
    stream.seek(position)
    block = stream.read(_HEADER)
    if block.startswith(_GZIP):
        end, unfolded = _end_of_member(stream, block, effort)
    elif block.startswith(_PLAIN):
        end, unfolded = position + block.find(_BLANK_LINE) + 2 * len(_BLANK_LINE) + length, length
    else:
        return None
    if end is None:
        return position, position + 1
    stream.seek(end)
    if not stream.read(_HEADER).strip():
        return None
    return (end if unfolded >= length else position), end


def _end_of_member(stream: BinaryIO, block: bytes, effort: Effort) -> tuple[int | None, int]:
    """The end of the gzip member that starts with the last `block`, and its unfolded length.

    The end is None if it is truncated.
    """
    member = zlib.decompressobj(zlib.MAX_WBITS | 16)
    length = 0
    try:
        while block:
            unfolded = len(member.decompress(block, _BLOCK))
            effort.spend(unfolded)
            length += unfolded
            if member.eof:
                return stream.tell() - len(member.unused_data), length
            block = member.unconsumed_tail or stream.read(_HEADER)
    except zlib.error:
        return None, length
    return None, length


def _next_record_start(stream: BinaryIO, offset: int, magics: list[bytes], effort: Effort) -> int | None:
    """The offset of the next magic number, from `offset` on; None if there is none."""
    tail = b""
    stream.seek(offset)
    size = _SMALL_BLOCK
    while block := stream.read(size):
        effort.spend(len(block))
        window = tail + block
        offsets = [found for magic in magics if (found := window.find(magic)) >= 0]
        if offsets:
            return offset - len(tail) + min(offsets)
        offset += len(block)
        tail = window[-4:]
        size = min(2 * size, _BLOCK)
    return None
