"""Files of a knowledge base (docs/formats.md) and the intermediate files of its build."""

import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pyarrow as pa

from components.errors import InputError

# In the order of `Entity`.
ENTITY_SCHEMA = pa.schema(
    [
        ("entity_id", pa.string()),
        ("label", pa.string()),
        ("description", pa.string()),
        ("aliases", pa.list_(pa.string())),
        ("instance_of", pa.list_(pa.string())),
        ("subclass_of", pa.list_(pa.string())),
        ("sitelinks", pa.int32()),
        ("image", pa.string()),
        ("title", pa.string()),
    ]
)
# Intermediate: entities with the number of their Q-id, by which they are sorted.
PART_SCHEMA = pa.schema([pa.field("number", pa.int64()), *ENTITY_SCHEMA])
# Intermediate: a name of an item. `row` is the item's row in its range, `anchors` how often texts
# link the name to it, `borne` whether Wikidata has the name, and `small` whether Wikidata writes it
# with a lower-case initial.
NAME_SCHEMA = pa.schema(
    [
        ("name", pa.string()),
        ("row", pa.int64()),
        ("weight", pa.float64()),
        ("anchors", pa.int64()),
        ("borne", pa.bool_()),
        ("small", pa.bool_()),
    ]
)
# Instead of a row: the "name" is a word and a space, as longer names begin with the word.
PREFIX = -1
# A candidate of a name in the index. It includes the number of the Q-id, as looking that up in
# `IDS` would touch one more page of memory per candidate.
RECORD = np.dtype([("row", "<u4"), ("number", "<i8"), ("prior", "<f4"), ("small", "?")])

FIX = "`mofi knowledge build` makes it again"
ENTITIES, TABLE, IDS, EMBEDDINGS, NAMES = "entities.arrow", "entities.parquet", "ids.npy", "embeddings.npy", "names"


def partition_of(name: str, partitions: int) -> int:
    """The index partition of a normalised name; names with the same first two words share one.

    One word would not do: of a hundred million names millions begin with "the".
    """
    words = name.split(" ", 2)[:2]
    return zlib.crc32(" ".join(words).encode("utf-8", "surrogatepass")) % partitions


def entity_table(folder: Path) -> Path:
    """Path of a knowledge base's entity table (`ENTITY_SCHEMA`).

    Raises:
        InputError: if it is missing.
    """
    path = folder / TABLE
    if not path.is_file():
        raise InputError(f"{folder} holds no knowledge base; `mofi knowledge build` makes one")
    return path


def write_arrow(table: pa.Table, path: Path) -> None:
    """Writes an uncompressed Arrow file of one batch, which can be memory-mapped."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())


@contextmanager
def open_arrow(path: Path) -> Iterator[pa.RecordBatchFileReader]:
    """Opens an Arrow file memory-mapped: only the parts in use are read."""
    with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
        yield reader
