"""The files of a knowledge base (docs/formats.md), and those that its build hands from step to step."""

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
# Of the build: entities with the number of their Q-id, by which they are sorted.
PART_SCHEMA = pa.schema([pa.field("number", pa.int64()), *ENTITY_SCHEMA])
# Of the build: a name of an item. `row` is its place in its range, `anchors` how often the name links to it in texts, `borne`
# whether Wikidata knows the name, and `small` whether it writes it without a capital at the beginning.
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
# In place of a row: the "name" is a word and a blank, and says that longer names begin with this word.
BEGUN = -1
# A candidate of a name in the index. `number` is of its Q-id: looked up in `IDS`, it would cost a page of memory a candidate.
RECORD = np.dtype([("row", "<u4"), ("number", "<i8"), ("prior", "<f4"), ("small", "?")])

ENTITIES, TABLE, IDS, EMBEDDINGS, NAMES = "entities.arrow", "entities.parquet", "ids.npy", "embeddings.npy", "names"


def partition_of(name: str, partitions: int) -> int:
    """The partition of the index in which a normalised name stands, with all that begin with the same two words.

    One word would not do: of a hundred million names millions begin with "the".
    """
    words = name.split(" ", 2)[:2]
    return zlib.crc32(" ".join(words).encode("utf-8", "surrogatepass")) % partitions


def entity_table(folder: Path) -> Path:
    """The table of entities (`ENTITY_SCHEMA`) of a knowledge base, for whoever reads all of it.

    Raises:
        InputError: if it is missing.
    """
    path = folder / TABLE
    if not path.is_file():
        raise InputError(f"{folder} holds no knowledge base; `mofi knowledge build` makes one")
    return path


def write_arrow(table: pa.Table, path: Path) -> None:
    """As an Arrow file of one batch, uncompressed, so that it can be mapped into memory."""
    with pa.OSFile(str(path), "wb") as file, pa.ipc.new_file(file, table.schema) as writer:
        writer.write_table(table.combine_chunks())


@contextmanager
def open_arrow(path: Path) -> Iterator[pa.RecordBatchFileReader]:
    """An Arrow file, mapped: what is not looked at is not read."""
    with pa.memory_map(str(path)) as file, pa.ipc.open_file(file) as reader:
        yield reader
