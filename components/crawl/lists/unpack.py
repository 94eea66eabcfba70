"""Compressed lists, read in bounded memory: what unpacks to far more than its size is refused."""

import bz2
import io
import lzma
import zlib
from collections.abc import Callable, Iterator
from typing import BinaryIO, Protocol

import zstandard

# Bytes that are unpacked at a time.
CHUNK = 1 << 18
# Unpacked bytes for each packed one, beyond those that any file may have. Lists of addresses are
# packed to a third or a tenth.
_FREE, _RATIO = 32 << 20, 64
# Memory that a file may ask for; `xz -9` takes 65 MiB.
_XZ_MEMORY = 128 << 20
_PACKED = 1 << 16
_ZSTD_INPUT = 256


class Bomb(ValueError):
    """A file unpacks to far more than its size."""


def most_bytes(size: int) -> int:
    """The bytes that a file of `size` bytes may unpack to."""
    return _FREE + _RATIO * size


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    @property
    def needs_input(self) -> bool: ...
    def decompress(self, data: bytes, max_length: int = -1) -> bytes: ...


class _Gzip:
    """`zlib`'s decompressor with the interface of the others."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data

    @property
    def needs_input(self) -> bool:
        return not self._inner.unconsumed_tail

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)


class _Zstd:
    """`zstandard`'s decompressor with that interface: its stream reader takes a cut for the end.

    It gives all that its input unpacks to, so it gets little: a block of 4 bytes may give 128 KiB.
    """

    def __init__(self) -> None:
        self._inner = zstandard.ZstdDecompressor().decompressobj()
        self._waiting = memoryview(b"")

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data + bytes(self._waiting)

    @property
    def needs_input(self) -> bool:
        return not self._waiting

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        if data:
            self._waiting = memoryview(bytes(self._waiting) + data)
        some, self._waiting = self._waiting[:_ZSTD_INPUT], self._waiting[_ZSTD_INPUT:]
        return self._inner.decompress(some)


# By the first bytes: servers and programs unpack a file on the way, or pack it, and keep its name.
_MAGIC: dict[bytes, Callable[[], _Decompressor]] = {
    b"\x1f\x8b": _Gzip,
    b"BZh": bz2.BZ2Decompressor,
    b"\xfd7zXZ\x00": lambda: lzma.LZMADecompressor(memlimit=_XZ_MEMORY),
    b"\x28\xb5\x2f\xfd": _Zstd,
}


def chunks(stream: BinaryIO) -> Iterator[bytes]:
    """The content of a file in pieces of some 100 KiB, unpacked if it is packed.

    Raises:
        EOFError, OSError, zlib.error, lzma.LZMAError, zstandard.ZstdError: where the file is
            damaged or ends early.
        Bomb: if it unpacks to more than 64 times its size and 32 MiB.
    """
    size = stream.seek(0, io.SEEK_END)
    stream.seek(0)
    start = stream.read(6)
    stream.seek(0)
    opener = next((opener for magic, opener in _MAGIC.items() if start.startswith(magic)), None)
    plain = iter(lambda: stream.read(CHUNK), b"")
    yield from plain if opener is None else _bounded(_members(stream, opener), size)


def _members(stream: BinaryIO, opener: Callable[[], _Decompressor]) -> Iterator[bytes]:
    """Several packed files one after the other are one; zeros may fill the last block."""
    waiting = b""
    while waiting := (waiting or stream.read(_PACKED)).lstrip(b"\0"):
        packed = opener()
        while not packed.eof:
            if packed.needs_input and not waiting:
                waiting = stream.read(_PACKED)
                if not waiting:
                    raise EOFError("it ends early")
            piece = packed.decompress(waiting, CHUNK)
            waiting = b""
            if piece:
                yield piece
        waiting = packed.unused_data


def _bounded(pieces: Iterator[bytes], size: int) -> Iterator[bytes]:
    most, unpacked = most_bytes(size), 0
    for piece in pieces:
        unpacked += len(piece)
        if unpacked > most:
            raise Bomb(f"{size} bytes unpack to more than {most >> 20} MiB; if that is right, unpack the file yourself")
        yield piece
