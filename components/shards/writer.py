"""Writes picture shards: a tar, its index, and its statistics; equal rows give equal bytes."""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.shards.format import (
    _INDEX_ONLY,
    FAILED_TO_DOWNLOAD,
    FAILED_TO_RESIZE,
    INDEX_SCHEMA,
    SUCCESS,
    shard_name,
)
from components.shards.index import write_index
from components.shards.tar_writer import TarWriter
from components.storage.json_files import write_json


@dataclass(frozen=True)
class Row:
    """One row of an index; `image` is None for a picture that could not be had."""

    record: dict[str, Any]
    image: bytes | None = None
    extension: str = "png"
    extra: dict[str, Any] = field(default_factory=dict)


def write_shard(folder: Path, number: int, rows: Iterable[Row], schema: pa.Schema = INDEX_SCHEMA) -> Counter[str]:
    """Writes `NUMBER.tar`, `NUMBER.parquet` and `NUMBER_stats.json`; returns rows by status.

    Every row's record holds the schema's columns; absent ones become null. `KEY.json` leaves out
    what only the index holds. Times and owners in the tar are fixed, so equal rows give equal
    bytes.
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
                content = {name: value for name, value in record.items() if name not in _INDEX_ONLY} | row.extra
                tar.add(f"{record['key']}.json", json.dumps(content, ensure_ascii=False).encode())
    write_index(folder / f"{shard_name(number)}.parquet", records, schema)
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
