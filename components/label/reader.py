"""Reads the labels that the label stage writes, shard by shard; checks of which pictures they are.

Every crawl has a picture 000000000, so by their keys alone the labels of one crawl would fit the
pictures of another.
"""

import hashlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.errors import InputError
from components.label.format import LABELS_SCHEMA
from components.shards.format import SUCCESS, shard_name, shard_numbers
from components.shards.index import read_shard_index
from components.storage.foreign.tables import columns_of, read_table

# Who labels by other means has no decisions.
_NEEDED = pa.schema([field.with_nullable(field.name == "decisions") for field in LABELS_SCHEMA])
# Metadata of a file of labels: the digest of its pictures.
_PICTURES = b"pictures"


def read_labels(folder: Path, number: int, columns: Sequence[str] = LABELS_SCHEMA.names) -> pa.Table:
    """Labels of one shard: columns of `LABELS_SCHEMA`, a row per picture in key order.

    Raises:
        InputError: if the file is missing, damaged or no file of labels.
    """
    return read_table(
        folder / f"{shard_name(number)}.parquet", columns_of(_NEEDED, columns), "run `mofi label run` again"
    )


def label_rows(folder: Path, columns: Sequence[str] = LABELS_SCHEMA.names) -> Iterator[tuple[int, dict[str, Any]]]:
    """Yields (shard number, row) of all shards in order; holds one shard at a time.

    Raises:
        InputError: if there is no shard, or as `read_labels` does.
    """
    for number in shard_numbers(folder):
        for row in read_labels(folder, number, columns).to_pylist():
            yield number, row


def pictures_digest(rows: Iterable[Mapping[str, Any]]) -> str:
    """Hex digits that tell the pictures of a shard, and their alt texts, from any others.

    Args:
        rows: of the crawl's index, in any order: `key, status, sha256, caption`.
    """
    digest = hashlib.sha256()
    for row in sorted((row for row in rows if row["status"] == SUCCESS), key=lambda row: str(row["key"])):
        digest.update(f"{row['key']}\n{row['sha256'] or ''}\n{row['caption'] or ''}\n".encode())
    return digest.hexdigest()


def made_for(table: pa.Table, pictures: str) -> pa.Table:
    """A table with the digest of the pictures that it is about."""
    return table.replace_schema_metadata({_PICTURES: pictures})


def check_pictures(labels: pa.Table, number: int, labels_folder: Path, crawl: Path) -> None:
    """Checks that the labels of a shard are of the crawl's pictures; those that do not say so pass.

    Args:
        labels: as `read_labels` gives them.
        number: of the shard.
        labels_folder: where they lie.
        crawl: the folder of the crawl's shards.

    Raises:
        InputError: if they are of other pictures or alt texts, or the crawl's index is missing.
    """
    said = (labels.schema.metadata or {}).get(_PICTURES)
    if said is None:  # an earlier version, or another program, wrote them
        return
    index = crawl / f"{shard_name(number)}.parquet"
    if not index.is_file():
        raise InputError(f"{index} is missing; name the crawl that {labels_folder} was made from")
    rows = read_shard_index(index, ["key", "status", "sha256", "caption"]).to_pylist()
    if said.decode() != pictures_digest(rows):
        raise InputError(
            f"{labels_folder / index.name} is not of the pictures and alt texts of {index}: the labels are of another crawl; "
            "name the crawl that they were made from, or run `mofi label run` again"
        )


def check_crawl(labels: Path, crawl: Path) -> None:
    """Checks all shards of labels as `check_pictures` does.

    Raises:
        InputError: if a file is missing, or the labels are of another crawl.
    """
    for number in shard_numbers(labels):
        check_pictures(read_labels(labels, number, ["key"]), number, labels, crawl)
