"""Reads a Wikidata JSON dump, one item a line, in bounded memory."""

import bz2
import gzip
import io
import zlib
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, cast

import zstandard

from components.errors import InputError
from components.knowledge.entity import Entity
from components.knowledge.item import INVALID, NO_ENTITY, ItemReader
from components.knowledge.parameters import KnowledgeParameters

# Below this many lines a share of bad ones says nothing.
_FEW = 100
_BLOCK = 1 << 20  # bytes, unpacked


def open_dump(path: Path) -> IO[bytes]:
    """Opens `.json`, `.json.bz2`, `.json.gz` or `.json.zst` for reading lines.

    Raises:
        InputError: if the file is missing or has another ending.
    """
    if not path.is_file():
        raise InputError(
            f"{path} is missing; name a Wikidata JSON dump with --dump, or build the sample's with `mofi sample build`"
        )
    match path.suffix:
        case ".bz2":
            return bz2.open(path, "rb")
        case ".gz":
            return cast("IO[bytes]", gzip.open(path, "rb"))
        case ".zst":
            # Dumps that were compressed in parallel consist of many frames.
            reader = zstandard.ZstdDecompressor().stream_reader(path.open("rb"), read_across_frames=True, closefd=True)
            return io.BufferedReader(cast("io.RawIOBase", reader))
        case ".json":
            return path.open("rb")
    raise InputError(f"{path} ends in {path.suffix!r}; a dump ends in .json, .json.bz2, .json.gz or .json.zst")


def read_items(path: Path, parameters: KnowledgeParameters, counts: Counter[str]) -> Iterator[Entity]:
    """Yields the items worth keeping; everything else is counted by reason in `counts`.

    Whatever a line holds, it is counted: as `kept`, `no_label`, `excluded_class`, `no_item` (a property, a lexeme), or as bad:
    `invalid_json`, `no_entity` (JSON, but nothing of Wikidata).

    Raises:
        InputError: if the dump is truncated, or more lines are bad than `max_error_share` allows.
    """
    reader = ItemReader(parameters.language, parameters.exclude_classes)
    first = last = b""
    with open_dump(path) as stream:
        for line in _lines(stream, path):
            text = line.strip().rstrip(b",")
            first, last = first or text, text or last
            if text in (b"[", b"]", b""):
                continue
            counts["lines"] += 1
            found = reader.read(text)
            if isinstance(found, Entity):
                counts["kept"] += 1
                yield found
            else:
                counts[found] += 1
            _stop_if_bad(path, counts, parameters.max_error_share)
    if first == b"[" and last != b"]":
        raise InputError(f"{path} begins with '[' but does not end with ']'; fetch it again, it is truncated")


def _lines(stream: IO[bytes], path: Path) -> Iterator[bytes]:
    """The lines, without what ends them."""
    begun: list[bytes] = []
    try:
        for block in _read_ahead(stream):
            first, *rest = block.split(b"\n")
            begun.append(first)
            for line in rest:
                yield b"".join(begun)
                begun = [line]
    except (EOFError, OSError, zlib.error, zstandard.ZstdError) as error:
        raise InputError(
            f"{path} cannot be read to its end ({error}); fetch it again, it is probably truncated"
        ) from error
    yield b"".join(begun)


def _read_ahead(stream: IO[bytes]) -> Iterator[bytes]:
    """Blocks of a stream, each of which is unpacked by another CPU while the one before is looked at."""
    with ThreadPoolExecutor(1, "unpack") as reader:
        coming = reader.submit(stream.read, _BLOCK)
        while block := coming.result():
            coming = reader.submit(stream.read, _BLOCK)
            yield block


def _stop_if_bad(path: Path, counts: Counter[str], max_error_share: float) -> None:
    bad = counts[INVALID] + counts[NO_ENTITY]
    if counts["lines"] >= _FEW and bad > max_error_share * counts["lines"]:
        raise InputError(
            f"{path}: {bad} of {counts['lines']} lines are nothing of Wikidata, more than knowledge.max_error_share = "
            f"{max_error_share} allows; is it a Wikidata JSON dump?"
        )
