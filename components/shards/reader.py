"""Reads picture shards: ours, img2dataset's and other WebDataset tars."""

import tarfile
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InputError
from components.shards.compressed import compression
from components.shards.format import LARGEST, logger
from components.shards.record import NO_RECORD, OUT_OF_RANGE, read_caption, read_record
from components.shards.samples import (
    CUT_OFF,
    DAMAGED_PART,
    HIDDEN,
    NO_EXTENSION,
    NO_PICTURE,
    PART_OF_SAMPLE,
    SECOND_PICTURE,
    TOO_LARGE,
    Sample,
    samples,
)
from components.shards.tar_reader import CONTENTS, GAP, HEADERS, LINK, SPARSE, SPECIAL, Span, Tar

SAME_KEY = "same_key"
# Why files of a tar are left out (`components/crawl/reasons.py` explains them).
REFUSALS = (
    SAME_KEY, CUT_OFF, DAMAGED_PART, HIDDEN, LINK, NO_EXTENSION, NO_PICTURE, PART_OF_SAMPLE, SECOND_PICTURE, SPARSE,
    SPECIAL, TOO_LARGE,
)  # fmt: skip
_LONGEST_TEXT = 1 << 24  # bytes; a record with all that EXIF can hold has less


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

    @property
    def entities(self) -> tuple[str, ...]:
        """The Q-ids of its record, best first, as far as these are texts."""
        found = self.record.get("entities")
        return tuple(one for one in found if isinstance(one, str)) if isinstance(found, list) else ()


@dataclass(frozen=True)
class PictureSpan:
    """Where a picture's bytes lie in its tar, and the ending of its name (one of `EXTENSIONS`)."""

    offset: int
    size: int
    extension: str


def read_shard(path: Path, refused: Counter[str] | None = None, *, foreign: bool = False) -> Iterator[Picture]:
    """Streams the pictures of one tar, in order; `components.shards.samples` says what these are.

    Reads img2dataset's and other WebDataset tars too: `KEY.txt` and `KEY.json` may be missing.

    Args:
        path: the tar.
        refused: counts pictures and samples that are left out, by reason.
        foreign: also yields further pictures of a key, which are else left out (`same_key`), and
            goes on behind damaged headers (`damaged_part`).

    Raises:
        InputError: if the tar is missing, or broken anywhere (then after the pictures before the
            break).
    """
    with _naming(path):
        for tar, sample in _samples(path, refused, foreign):
            image = tar.read(*sample.parts[sample.extension])
            record, changes = _record(path, sample, _text(path, tar, sample, "json"))
            caption, more = read_caption(_text(path, tar, sample, "txt"), record)
            left_out = tuple(OUT_OF_RANGE for ending in ("json", "txt") if _is_too_long(sample, ending))
            yield Picture(sample.key, image, sample.extension, caption, record, changes + more + left_out)


def read_pictures(path: Path, refused: Counter[str] | None = None) -> Iterator[tuple[str, bytes]]:
    """Keys and bytes of the pictures that `read_shard` streams, without texts and records.

    Raises:
        InputError: see `read_shard`.
    """
    with _naming(path):
        for tar, sample in _samples(path, refused):
            yield sample.key, tar.read(*sample.parts[sample.extension])


def picture_spans(path: Path, refused: Counter[str] | None = None) -> dict[str, PictureSpan]:
    """Where in a tar the pictures of `read_pictures` lie, by key, in order. Contents are not read.

    Raises:
        InputError: if the tar is missing, or broken anywhere.
    """
    with _naming(path):
        return {
            sample.key: PictureSpan(*sample.parts[sample.extension], sample.extension)
            for _, sample in _samples(path, refused, window=HEADERS)
        }


def _samples(
    path: Path, refused: Counter[str] | None, foreign: bool = False, window: int = CONTENTS
) -> Iterator[tuple[Tar, Sample]]:
    """The open tar, and each sample."""
    refused = Counter() if refused is None else refused
    seen: set[str] = set()
    with Tar(path, window) as tar:
        spans = tar.spans(refused, resume=foreign)
        for sample in samples(_said(path, spans) if foreign else spans, refused, LARGEST):
            if foreign or sample.key not in seen:
                seen.add(sample.key)
                yield tar, sample
            else:
                refused[SAME_KEY] += 1


def _said(path: Path, spans: Iterator[Span]) -> Iterator[Span]:
    """The same; damage is logged."""
    for span in spans:
        if span[0] == GAP:
            logger.warning("%s is damaged: %d bytes from byte %d on are not read", path, span[2], span[1])
        yield span


@contextmanager
def _naming(path: Path) -> Iterator[None]:
    """An error of the tar at `path` names it."""
    try:
        yield
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that writes it") from None
    except tarfile.TarError as error:
        if (kind := compression(path)) is not None:
            raise InputError(f"{path} is compressed ({kind}); decompress it first") from error
        raise InputError(f"{path} is no whole tar ({error}); delete it and run its stage again") from error
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error})") from error


def _text(path: Path, tar: Tar, sample: Sample, ending: str) -> bytes | None:
    """A sample's text or record, if it has one that is not too long to be one."""
    offset, size = sample.parts.get(ending, (0, 0))
    if _is_too_long(sample, ending):
        logger.warning("%s: %r.%s is left out: %d bytes are no text of a picture", path, sample.key, ending, size)
        return None
    return tar.read(offset, size) if ending in sample.parts else None


def _is_too_long(sample: Sample, ending: str) -> bool:
    return sample.parts.get(ending, (0, 0))[1] > _LONGEST_TEXT


def _record(path: Path, sample: Sample, data: bytes | None) -> tuple[dict[str, Any], tuple[str, ...]]:
    """See `read_record`."""
    if data is None:
        return {}, ()
    record, changes = read_record(data)
    if NO_RECORD in changes:
        logger.warning("%s: %r.json holds no JSON object and is left out", path, sample.key)
    return record, changes
