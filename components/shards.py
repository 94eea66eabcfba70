"""Picture shards: WebDataset tars with a parquet index beside each, in the layout that img2dataset writes."""

import io
import json
import tarfile
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.stage import write_json

SUCCESS = "success"
FAILED_TO_DOWNLOAD = "failed_to_download"
FAILED_TO_RESIZE = "failed_to_resize"
EXTENSIONS = ("png", "jpg", "jpeg", "webp")

# The first ten columns are img2dataset's own names and types; the rest are ours.
INDEX_SCHEMA = pa.schema(
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
        ("context", pa.string()),
        ("site", pa.string()),
        ("phash", pa.uint64()),
    ]
)
ENTITIES_FIELD = pa.field("entities", pa.list_(pa.string()))
LABELLED_INDEX_SCHEMA = INDEX_SCHEMA.append(ENTITIES_FIELD)


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
    """Nine digits, as img2dataset has them: shard (5) and position in it (4)."""
    return f"{shard:05d}{position:04d}"


def shard_numbers(folder: Path) -> list[int]:
    """The finished shards of a folder, in order.

    Raises:
        InputError: if there is none.
    """
    numbers = sorted(int(p.stem) for p in folder.glob("*.parquet") if p.stem.isdigit())
    if not numbers:
        raise InputError(f"{folder} holds no shard (00000.parquet, …); run the stage that writes it")
    return numbers


def write_shard(folder: Path, number: int, rows: Iterable[Row], schema: pa.Schema = INDEX_SCHEMA) -> Counter[str]:
    """Writes `NUMBER.tar`, `NUMBER.parquet` and `NUMBER_stats.json`; returns the rows counted by status.

    Every row's record holds the schema's columns; absent ones become null. Times and owners in the tar are fixed, so equal
    rows give equal bytes.
    """
    folder.mkdir(parents=True, exist_ok=True)
    records: list[dict[str, Any]] = []
    statuses: Counter[str] = Counter()
    with tarfile.open(folder / f"{shard_name(number)}.tar", "w", format=tarfile.USTAR_FORMAT) as tar:
        for row in rows:
            record = {name: row.record.get(name) for name in schema.names}
            records.append(record)
            statuses[_status_key(record)] += 1
            if row.image is not None:
                _add(tar, f"{record['key']}.{row.extension}", row.image)
                _add(tar, f"{record['key']}.txt", str(record["caption"] or "").encode())
                _add(tar, f"{record['key']}.json", json.dumps(record | row.extra, ensure_ascii=False).encode())
    table = pa.Table.from_pylist(records, schema=schema)
    pq.write_table(table, folder / f"{shard_name(number)}.parquet", compression="zstd")
    write_json(folder / f"{shard_name(number)}_stats.json", _statistics(records, statuses))
    return statuses


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


def _add(tar: tarfile.TarFile, name: str, data: bytes) -> None:
    info = tarfile.TarInfo(name)
    info.size = len(data)
    info.mode = 0o644
    tar.addfile(info, io.BytesIO(data))


def read_shard(path: Path) -> Iterator[Picture]:
    """Streams the pictures of one tar, in order, grouped by key as WebDataset groups them.

    Raises:
        InputError: if the tar is missing or broken.
    """
    try:
        with tarfile.open(path, "r|") as tar:
            key, parts = "", {}
            for member in tar:
                stem, _, extension = member.name.partition(".")
                if stem != key and parts:
                    yield from _picture(key, parts)
                    parts = {}
                stream = tar.extractfile(member)
                key = stem
                if stream is not None:
                    parts[extension.lower()] = stream.read()
            if parts:
                yield from _picture(key, parts)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that writes it") from None
    except tarfile.TarError as error:
        raise InputError(f"{path} is no whole tar ({error}); delete it and run its stage again") from error


def _picture(key: str, parts: dict[str, bytes]) -> Iterator[Picture]:
    extension = next((e for e in EXTENSIONS if e in parts), None)
    if extension is None:
        return
    record = json.loads(parts["json"]) if "json" in parts else {}
    yield Picture(key, parts[extension], extension, parts.get("txt", b"").decode("utf-8", "replace"), record)


def read_index(folder: Path) -> pa.Table:
    """The indexes of all shards of a folder, one after the other, with a column set that the first one has."""
    tables = [pq.read_table(folder / f"{shard_name(number)}.parquet") for number in shard_numbers(folder)]
    return pa.concat_tables(tables)
