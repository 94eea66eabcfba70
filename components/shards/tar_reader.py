"""Where the files of a tar lie; ten times faster than `tarfile`, which reads unusual headers."""

import os
import tarfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import BinaryIO

_BLOCK = tarfile.BLOCKSIZE
_BUFFER = 1 << 20
_FILE = b"0"
_ENDS = b"\0 "  # of a number
_SPACES = 8 * ord(" ")  # what a checksum counts in its own place
_ADLER = 65521


def members(path: Path) -> Iterator[tuple[str, bytes]]:
    """The names and contents of a tar's files, in order; raises as `file_spans` does."""
    # Read, not mapped: if the file is truncated or the disk fails, a mapping crashes the process.
    with path.open("rb", buffering=_BUFFER) as stream:
        for name, offset, size in _file_spans(stream):
            stream.seek(offset)
            content = stream.read(size)
            if len(content) < size:
                raise tarfile.ReadError("unexpected end of data")
            yield name, content


def file_spans(path: Path) -> Iterator[tuple[str, int, int]]:
    """The name, offset and size in bytes of a tar's files, in order, without links.

    Raises:
        tarfile.TarError: if the tar is broken, after the files before the break.
        OSError: if it cannot be read.
    """
    with path.open("rb", buffering=_BLOCK) as stream:
        yield from _file_spans(stream)


def _file_spans(stream: BinaryIO) -> Iterator[tuple[str, int, int]]:
    at, length = 0, os.fstat(stream.fileno()).st_size
    while (header := _block(stream, at)) != bytes(_BLOCK):
        size = _plain_size(header)
        if size is None:
            yield from _others(stream, at)
            return
        offset = at + _BLOCK
        at = offset + size + -size % _BLOCK
        if at > length:
            raise tarfile.ReadError("unexpected end of data")
        yield header[: header.index(0)].decode("ascii"), offset, size


def _block(stream: BinaryIO, at: int) -> bytes:
    stream.seek(at)
    return stream.read(_BLOCK)


def _plain_size(header: bytes) -> int | None:
    """The size of a regular file with a plain header; None if `tarfile` must read it."""
    if len(header) < _BLOCK or header[156:157] != _FILE or not header[:100].isascii():
        return None
    size, checksum = header[124:135], header[148:154]
    if not (size.isdigit() and checksum.isdigit() and header[135] in _ENDS and header[154] in _ENDS):
        return None
    if header[99] or header[345]:  # the name fills its field, or has a prefix in another
        return None
    # The low half of Adler-32 is one more than the sum of the bytes.
    found = zlib.adler32(header) & 0xFFFF
    try:
        expected = int(checksum, 8) + 1 - _SPACES + sum(header[148:156])
        return int(size, 8) if found == expected % _ADLER else None
    except ValueError:
        return None


def _others(stream: BinaryIO, start: int) -> Iterator[tuple[str, int, int]]:
    """What Python's reader finds from a header on."""
    stream.seek(start)
    with tarfile.open(fileobj=stream, mode="r:") as tar:
        for member in tar:
            if member.issparse():
                raise tarfile.ReadError(f"{member.name} is a sparse file; write the tar without --sparse")
            if member.isreg() or member.type not in tarfile.SUPPORTED_TYPES:
                yield member.name, member.offset_data, member.size
        end = tar.offset
    # `tarfile` takes a truncated or damaged header for the end, where a whole tar has zeros.
    if _block(stream, end) != bytes(_BLOCK):
        raise tarfile.ReadError(f"it is truncated or damaged at byte {end}")
