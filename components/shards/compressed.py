"""Tars that are compressed as a whole, such as `.tar.gz`; img2dataset writes none."""

import lzma
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import BinaryIO

import pyarrow as pa

from components.errors import InputError

# How a compressed file begins. Python's own modules have no zstd, Arrow has no xz.
_BEGINNINGS = {b"\x1f\x8b": "gzip", b"BZh": "bz2", b"\x28\xb5\x2f\xfd": "zstd", b"\x04\x22\x4d\x18": "lz4"}
_XZ = b"\xfd7zXZ\0"
_CHUNK = 1 << 20
# More than this many times the file, and some to spare, no pictures need: they are compressed.
_MOST_TIMES, _SPARE = 100, 1 << 26


def compression(path: Path) -> str | None:
    """What a file is compressed with, by its first bytes; None if it is not.

    Raises:
        OSError: if it cannot be read.
    """
    with path.open("rb") as stream:
        first = stream.read(len(_XZ))
    if first == _XZ:
        return "xz"
    return next((name for beginning, name in _BEGINNINGS.items() if first.startswith(beginning)), None)


@contextmanager
def unpacked(path: Path, folder: Path) -> Iterator[Path]:
    """The file itself, or if it is compressed, what is in it, in `folder` for the moment.

    Raises:
        InputError: when it is done with, if the file is damaged or unfolds to far more than
            pictures do; what could be unpacked before is there meanwhile.
        OSError: if it cannot be read, or `folder` is full.
    """
    kind = compression(path)
    if kind is None:
        yield path
        return
    with TemporaryDirectory(dir=folder) as temporary:
        copy = Path(temporary) / path.name
        problem = _unpack(path, kind, copy)
        yield copy
    if problem is not None:
        raise InputError(f"{path}: {kind} {problem}; fetch it again")


def _unpack(path: Path, kind: str, copy: Path) -> str | None:
    """Writes what can be unpacked; returns what is wrong with the rest, if anything is."""
    left = path.stat().st_size * _MOST_TIMES + _SPARE
    with copy.open("wb") as out, _opened(path, kind) as stream:
        while True:
            try:
                chunk = stream.read(_CHUNK)
            except (OSError, EOFError, lzma.LZMAError, zlib.error) as error:
                return f"data is truncated or damaged ({error})"
            if not chunk:
                return None
            out.write(chunk)
            left -= len(chunk)
            if left < 0:
                return f"data unfolds to more than {_MOST_TIMES} times its size, as no pictures do"


def _opened(path: Path, kind: str) -> BinaryIO:
    if kind == "xz":
        return lzma.open(path)  # type: ignore[return-value]
    stream: BinaryIO = pa.input_stream(str(path), compression=kind, buffer_size=_CHUNK)
    return stream
