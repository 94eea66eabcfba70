"""Reads a Wikidata JSON dump as blocks of whole lines, in bounded memory, .bz2 on all CPUs."""

import gzip
import io
import os
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from pathlib import Path
from typing import IO, Any, cast

import fsspec
import rapidgzip
import zstandard

from components.errors import InputError
from components.execution.prefetch import prefetch
from components.redaction import show_url

_READ = 8 << 20  # bytes per request to a server
_ENDINGS = (".json", ".json.bz2", ".json.gz", ".json.zst")


def identity(location: str) -> str:
    """Identifies a version of a dump: its location, size, and modification time or ETag.

    Raises:
        InputError: if it is missing or the server refuses.
    """
    info = _info(location)
    marks = [
        str(info[key]) for key in ("size", "mtime", "ETag", "etag", "LastModified", "last-modified") if info.get(key)
    ]
    return " ".join([location, *marks])


def _info(location: str) -> dict[str, Any]:
    try:
        fs, path = fsspec.url_to_fs(location)
        info: dict[str, Any] = fs.info(path)
    except FileNotFoundError:
        raise InputError(
            f"{show_url(location)} is missing; name a Wikidata JSON dump with --dump, or run `mofi sample build`"
        ) from None
    except Exception as error:  # whatever a storage library raises
        raise InputError(
            f"{show_url(location)} cannot be asked for: {error}; check the address and the credentials"
        ) from error
    return info


@contextmanager
def open_dump(location: str) -> Iterator[IO[bytes]]:
    """Opens a `.json`, `.json.bz2`, `.json.gz` or `.json.zst` at a path or URL, decompressed.

    Raises:
        InputError: if it is missing or has another ending.
    """
    _info(location)
    ending = Path(location).suffix
    if not location.endswith(_ENDINGS):
        raise InputError(f"{show_url(location)} ends in {ending!r}; a dump ends in {', '.join(_ENDINGS)}")
    fs, path = fsspec.url_to_fs(location)
    with fs.open(path, "rb", block_size=_READ) as packed, _unpacked(packed, ending) as stream:
        yield stream


def _unpacked(packed: Any, ending: str) -> Any:
    match ending:
        case ".bz2":
            return rapidgzip.IndexedBzip2File(packed, parallelization=os.cpu_count() or 1)
        case ".gz":
            return gzip.open(packed)
        case ".zst":
            # Dumps that were compressed in parallel consist of many frames.
            reader = zstandard.ZstdDecompressor().stream_reader(packed, read_across_frames=True, closefd=False)
            return io.BufferedReader(cast("io.RawIOBase", reader))
    return packed


def blocks(location: str, size: int) -> Iterator[bytes]:
    """Yields a dump in blocks of about `size` bytes of whole lines; the same blocks each time.

    Raises:
        InputError: if the dump is missing, of another kind, damaged or truncated.
    """
    first = last = b""
    with open_dump(location) as stream:
        for block in _whole_lines(stream, location, size):
            first = first or block.lstrip()[:1]
            last = block.rstrip()[-1:] or last
            yield block
    if first == b"[" and last != b"]":
        raise InputError(
            f"{show_url(location)} begins with '[' but does not end with ']'; fetch it again, it is truncated"
        )


def _whole_lines(stream: IO[bytes], location: str, size: int) -> Iterator[bytes]:
    partial_line: list[bytes] = []
    try:
        # Another CPU decompresses the next block while this one is processed.
        for read in prefetch(iter(partial(stream.read, size), b"")):
            end = read.rfind(b"\n") + 1
            if end:
                yield b"".join([*partial_line, memoryview(read)[:end]])
                partial_line = []
            partial_line.append(read[end:])
    except (EOFError, OSError, ValueError, RuntimeError, zlib.error, zstandard.ZstdError) as error:
        raise InputError(
            f"{show_url(location)} cannot be read to its end ({error}); fetch it again, it is probably truncated"
        ) from error
    if rest := b"".join(partial_line):
        yield rest
