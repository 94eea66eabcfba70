"""Reads picture shards: ours, img2dataset's and other WebDataset tars."""

import re
import tarfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeVar

from components.errors import InputError
from components.shards.format import EXTENSIONS, logger
from components.shards.record import NO_RECORD, read_caption, read_record
from components.shards.tar_reader import file_spans, members

Part = TypeVar("Part")


_MEMBER = re.compile(r"(?:\./)?((?:.*/)?[^./][^./]*)\.([^/]+)")


@dataclass(frozen=True)
class Picture:
    """One sample of a shard: its bytes as stored, its text, and its record (`KEY.json`).

    `changes` says what was changed in reading text and record (`components.shards.record`).
    """

    key: str
    image: bytes
    extension: str
    caption: str
    record: dict[str, Any]
    changes: tuple[str, ...] = ()


@dataclass(frozen=True)
class PictureSpan:
    """Where a picture's bytes lie in its tar, and the ending of its name (one of `EXTENSIONS`)."""

    offset: int
    size: int
    extension: str


def split_name(member: str) -> tuple[str, str] | None:
    """A member's name → its sample's key and its ending in lower case; None if it lacks either.

    This is WebDataset's rule: the key ends at the first dot of the file's name, and folders belong
    to it. A leading `./`, as `tar c .` writes it, does not.
    """
    name = _MEMBER.fullmatch(member)
    return (name[1], name[2].lower()) if name else None


def read_shard(path: Path) -> Iterator[Picture]:
    """Streams the pictures of one tar, in order, grouped by key as WebDataset groups them.

    Reads img2dataset's and other WebDataset tars too: `KEY.txt` and `KEY.json` may be missing.

    Raises:
        InputError: if the tar is missing, or broken anywhere (then after the pictures before the
            break).
    """
    for key, parts in _samples(path, members(path)):
        extension = _extension(parts)
        if extension is not None:
            yield _picture(path, key, extension, parts)


def read_pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    """Keys and bytes of the pictures that `read_shard` streams, without texts and records.

    Raises:
        InputError: see `read_shard`.
    """
    for key, parts in _samples(path, members(path)):
        extension = _extension(parts)
        if extension is not None:
            yield key, parts[extension]


def picture_spans(path: Path) -> dict[str, PictureSpan]:
    """Where in a tar the pictures of `read_pictures` lie, by key, in order. Contents are not read.

    Raises:
        InputError: if the tar is missing, or broken anywhere.
    """
    found = _samples(path, ((name, (offset, size)) for name, offset, size in file_spans(path)))
    known = ((key, parts, _extension(parts)) for key, parts in found)
    return {key: PictureSpan(*parts[extension], extension) for key, parts, extension in known if extension is not None}


def _samples(path: Path, files: Iterable[tuple[str, Part]]) -> Iterator[tuple[str, dict[str, Part]]]:
    """Each sample's key, and its members by ending; an error of the tar at `path` names it."""
    key, parts = "", dict[str, Part]()
    try:
        for member, part in files:
            name = split_name(member)
            if name is None:
                continue
            if name[0] != key and parts:
                yield key, parts
                parts = {}
            key, ending = name
            parts[ending] = part
        if parts:
            yield key, parts
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that writes it") from None
    except tarfile.TarError as error:
        raise InputError(f"{path} is no whole tar ({error}); delete it and run its stage again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error})") from error


def _extension(parts: Mapping[str, object]) -> str | None:
    return next((e for e in EXTENSIONS if e in parts), None)


def _picture(path: Path, key: str, extension: str, parts: dict[str, bytes]) -> Picture:
    record, changes = read_record(parts.get("json", b"{}"))
    if NO_RECORD in changes:
        logger.warning("%s: %s.json holds no JSON object and is left out", path, key)
    caption, more = read_caption(parts.get("txt"), record)
    return Picture(key, parts[extension], extension, caption, record, changes + more)
