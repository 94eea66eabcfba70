"""Picture shards: WebDataset tars with a parquet index beside each, in the layout that img2dataset writes."""

import json
import logging
import re
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.images import COLOURS
from components.stage import write_json
from components.tar_reader import members, places
from components.tar_writer import TarWriter

logger = logging.getLogger(__name__)

Part = TypeVar("Part")

SUCCESS = "success"
FAILED_TO_DOWNLOAD = "failed_to_download"
FAILED_TO_RESIZE = "failed_to_resize"
# How a picture repeats an earlier one of the crawl, and why it has gone if copies are taken out.
EXACT, NEAR = "exact", "near"
DUPLICATE_REASONS = tuple(f"duplicate_{kind}" for kind in (EXACT, NEAR))
EXTENSIONS = ("png", "jpg", "jpeg", "webp")
ENDINGS = (".tar", ".parquet", "_stats.json")  # of a shard's files, in the order in which they are put in place
SHARDS, PICTURES = 100_000, 10_000  # that a key has digits for
# WebDataset's rule: the key ends at the first dot of the file's name; folders belong to it.
_MEMBER = re.compile(r"(?:\./)?((?:.*/)?[^./][^./]*)\.([^/]+)")

# The first ten columns are img2dataset's own names and types; the rest are ours. All of these are in `KEY.json`, too.
PICTURE_SCHEMA = pa.schema(
    [
        ("url", pa.string()),
        ("key", pa.string()),
        ("status", pa.string()),
        ("error_message", pa.string()),
        ("width", pa.int32()),
        ("height", pa.int32()),
        ("original_width", pa.int32()),
        ("original_height", pa.int32()),
        ("sha256", pa.string()),
        ("caption", pa.string()),
        ("page_url", pa.string()),
        ("page_title", pa.string()),
        ("page_language", pa.string()),
        ("context", pa.string()),
        ("site", pa.string()),
        ("phash", pa.uint64()),
        ("http_status", pa.int32()),
        ("original_sha256", pa.string()),
    ]
)
# What only the crawl's index says: what copies are found by, and of which picture this is one.
INDEX_SCHEMA = pa.schema(
    [
        *PICTURE_SCHEMA,
        ("colours", pa.binary(COLOURS)),
        ("duplicate_of", pa.string()),
        ("duplicate_kind", pa.string()),
    ]
)
ENTITIES_FIELD = pa.field("entities", pa.list_(pa.string()))
LABELLED_INDEX_SCHEMA = PICTURE_SCHEMA.append(ENTITIES_FIELD)
_INDEX_ONLY = frozenset(INDEX_SCHEMA.names) - frozenset(PICTURE_SCHEMA.names)


@dataclass(frozen=True)
class Picture:
    """One sample of a shard: its bytes as stored, its text, and the rest of its record (`KEY.json`)."""

    key: str
    image: bytes
    extension: str
    caption: str
    record: dict[str, Any]


@dataclass(frozen=True)
class Row:
    """One row of an index; `image` is None for a picture that could not be had."""

    record: dict[str, Any]
    image: bytes | None = None
    extension: str = "png"
    extra: dict[str, Any] = field(default_factory=dict)


def shard_name(number: int) -> str:
    """`00012` for shard 12."""
    return f"{number:05d}"


def picture_key(shard: int, position: int) -> str:
    """Nine digits, as img2dataset has them: shard (5) and position in it (4).

    Raises:
        InputError: if either has no such number; a longer key would name another shard's picture.
    """
    if not (0 <= shard < SHARDS and 0 <= position < PICTURES):
        raise InputError(
            f"picture {position} of shard {shard} has no key: a shard holds {PICTURES} pictures, a folder {SHARDS} shards; "
            "make shards of another size"
        )
    return f"{shard:05d}{position:04d}"


def shard_numbers(folder: Path) -> list[int]:
    """The finished shards of a folder, in order.

    Raises:
        InputError: if there is none.
    """
    return numbers_among((path.name for path in folder.glob("*.parquet")), folder)


def numbers_among(names: Iterable[str], where: object) -> list[int]:
    """The finished shards among the names of files, in order; `where` they are is for the message.

    Raises:
        InputError: if there is none.
    """
    parted = (name.rpartition(".") for name in names)
    numbers = sorted(int(stem) for stem, _, ending in parted if ending == "parquet" and stem.isdigit())
    if not numbers:
        raise InputError(f"{where} holds no shard (00000.parquet, …); run the stage that writes it")
    return numbers


def write_shard(folder: Path, number: int, rows: Iterable[Row], schema: pa.Schema = INDEX_SCHEMA) -> Counter[str]:
    """Writes `NUMBER.tar`, `NUMBER.parquet` and `NUMBER_stats.json`; returns the rows counted by status.

    Every row's record holds the schema's columns; absent ones become null. `KEY.json` leaves out what only the index
    says. Times and owners in the tar are fixed, so equal rows give equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    statuses: Counter[str] = Counter()
    with TarWriter(folder / f"{shard_name(number)}.tar") as tar:
        for row in rows:
            record = {name: row.record.get(name) for name in schema.names}
            records.append(record)
            statuses[_status_key(record)] += 1
            if row.image is not None:
                tar.add(f"{record['key']}.{row.extension}", row.image)
                tar.add(f"{record['key']}.txt", str(record["caption"] or "").encode())
                said = {name: value for name, value in record.items() if name not in _INDEX_ONLY} | row.extra
                tar.add(f"{record['key']}.json", json.dumps(said, ensure_ascii=False).encode())
    write_index(folder / f"{shard_name(number)}.parquet", records, schema)
    write_json(folder / f"{shard_name(number)}_stats.json", _statistics(records, statuses))
    return statuses


def write_index(path: Path, records: list[dict[str, Any]], schema: pa.Schema = INDEX_SCHEMA) -> None:
    """Writes an index; equal records give equal bytes."""
    pq.write_table(pa.Table.from_pylist(records, schema=schema), path, compression="zstd")


def _status_key(record: dict[str, Any]) -> str:
    return SUCCESS if record["status"] == SUCCESS else str(record["error_message"] or record["status"])


def _statistics(records: list[dict[str, Any]], statuses: Counter[str]) -> dict[str, Any]:
    by_status = Counter(str(record["status"]) for record in records)
    return {
        "count": len(records),
        "successes": by_status[SUCCESS],
        "failed_to_download": by_status[FAILED_TO_DOWNLOAD],
        "failed_to_resize": by_status[FAILED_TO_RESIZE],
        "status_dict": dict(sorted(statuses.items())),
    }


def read_shard(path: Path) -> Iterator[Picture]:
    """Streams the pictures of one tar, in order, grouped by key as WebDataset groups them.

    Reads img2dataset's and other WebDataset tars too: `KEY.txt` and `KEY.json` may be missing.

    Raises:
        InputError: if the tar is missing, or broken anywhere (then after the pictures before the break).
    """
    for key, parts in _samples(path, members(path)):
        extension = _extension(parts)
        if extension is not None:
            yield _picture(path, key, extension, parts)


def read_pictures(path: Path) -> Iterator[tuple[str, bytes]]:
    """Keys and files of the pictures of one tar: what `read_shard` streams, without their texts and records.

    Raises:
        InputError: see `read_shard`.
    """
    for key, parts in _samples(path, members(path)):
        extension = _extension(parts)
        if extension is not None:
            yield key, parts[extension]


def picture_places(path: Path) -> dict[str, tuple[int, int]]:
    """Where in a tar the files of `read_pictures` lie: (offset, bytes) by key. Contents are not read.

    Raises:
        InputError: if the tar is missing, or broken anywhere.
    """
    found = _samples(path, ((name, (begin, size)) for name, begin, size in places(path)))
    known = ((key, parts, _extension(parts)) for key, parts in found)
    return {key: parts[extension] for key, parts, extension in known if extension is not None}


def _samples(path: Path, files: Iterable[tuple[str, Part]]) -> Iterator[tuple[str, dict[str, Part]]]:
    """Keys, and what is known of their members by ending; errors of the tar at `path`, where it is from, are named."""
    key, parts = "", dict[str, Part]()
    try:
        for member, part in files:
            name = _MEMBER.fullmatch(member)
            if name is None:
                continue
            if name[1] != key and parts:
                yield key, parts
                parts = {}
            key = name[1]
            parts[name[2].lower()] = part
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
    record = _record(path, key, parts.get("json", b"{}"))
    caption = parts["txt"].decode("utf-8", "replace") if "txt" in parts else str(record.get("caption") or "")
    return Picture(key, parts[extension], extension, caption, record)


def _record(path: Path, key: str, data: bytes) -> dict[str, Any]:
    try:
        record = json.loads(data)
    except ValueError:
        record = None
    if isinstance(record, dict):
        return record
    logger.warning("%s: %s.json holds no JSON object and is left out", path, key)
    return {}


def read_index(folder: Path) -> pa.Table:
    """The indexes of all shards of a folder, one after the other, with the columns that the first one has.

    Raises:
        InputError: if there is no shard, or an index is damaged or lacks a column.
    """
    tables: list[pa.Table] = []
    for number in shard_numbers(folder):
        path = folder / f"{shard_name(number)}.parquet"
        try:
            table = pq.read_table(path)
            tables.append(table.select(tables[0].column_names) if tables else table)
        except (pa.ArrowException, KeyError, OSError) as error:
            raise InputError(
                f"{path} is no index like the others ({error}); run the stage that writes it again"
            ) from error
    return pa.concat_tables(tables, promote_options="permissive")
