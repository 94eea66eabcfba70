"""The pictures of a shard index that a recipe can use, read in columns."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.errors import InputError
from components.shards.format import ENTITIES_FIELD, SUCCESS
from components.shards.index import FIX
from components.storage.foreign.tables import columns_of, naming, read_table

_SCHEMA = pa.schema(
    [
        pa.field("key", pa.string(), nullable=False),
        ("caption", pa.string()),
        ENTITIES_FIELD,
        ("status", pa.string()),
    ]
)

NO_CLASS = -1


class ClassIndex:
    """Entity → class number, in sorted arrays: 40 bytes an entity, a tenth of what a dict takes."""

    def __init__(self, entity_ids: pa.Array) -> None:
        names = _bytes(entity_ids)
        self._order = np.argsort(names, kind="stable")
        self._names = names[self._order]

    def lookup(self, entities: pa.Array) -> npt.NDArray[np.int64]:
        """n entities → class numbers int64 [n], `NO_CLASS` for unknown ones."""
        if not len(entities):
            return np.zeros(0, np.int64)
        asked = _bytes(entities)
        found = np.minimum(np.searchsorted(self._names, asked), len(self._names) - 1)
        return np.where(self._names[found] == asked, self._order[found], NO_CLASS)


@dataclass(frozen=True)
class UsablePictures:
    """Usable pictures of one shard.

    Attributes:
        keys: n strings.
        alt_texts: n strings.
        classes: int64 [n, k], padded with -1, or None.
        dropped: unusable pictures, by reason.
    """

    keys: pa.Array
    alt_texts: pa.Array
    classes: npt.NDArray[np.int64] | None
    dropped: Counter[str]


def read_usable_pictures(index: Path, classes: ClassIndex | None) -> UsablePictures:
    """Keeps the pictures with a class, or with an alt text if `classes` is None.

    Raises:
        InputError: if the file is not an index of pictures.
    """
    wanted = ["key", "caption", *(["entities"] if classes else [])]
    with naming(index, "an index of pictures", FIX):
        names = pq.read_schema(index).names
    missing = [name for name in wanted if name not in names]
    if missing:
        raise InputError(
            f"{index} is not an index of pictures: it lacks the column {missing[0]}; "
            + ("`mofi curate` writes labelled shards" if missing == ["entities"] else "see docs/formats.md")
        )
    table = read_table(index, columns_of(_SCHEMA, [*wanted, *(["status"] if "status" in names else [])]), FIX)
    if "status" in table.column_names:
        table = table.filter(pc.equal(table["status"], SUCCESS))
    table = table.combine_chunks()
    keys = _combined(table["key"]).cast(pa.string())
    alt_texts = pc.fill_null(_combined(table["caption"]).cast(pa.string()), "")
    if classes is None:
        kept = np.asarray(pc.not_equal(pc.utf8_trim_whitespace(alt_texts), ""), dtype=bool)
        dropped = Counter(no_alt_text=int((~kept).sum()))
        numbers = None
    else:
        padded = padded_classes(_combined(table["entities"]), classes)
        kept = padded[:, 0] != NO_CLASS
        dropped, numbers = Counter(no_class=int((~kept).sum())), padded[kept]
    mask = pa.array(kept)
    return UsablePictures(keys.filter(mask), alt_texts.filter(mask), numbers, +dropped)


def padded_classes(entities: pa.Array, classes: ClassIndex) -> npt.NDArray[np.int64]:
    """n lists of entities → known classes in order, int64 [n, k ≥ 1], padded with `NO_CLASS`."""
    numbers = classes.lookup(entities.flatten())
    known = numbers != NO_CLASS
    row = np.asarray(pc.list_parent_indices(entities), dtype=np.int64)[known]
    counts = np.bincount(row, minlength=len(entities))
    column = np.arange(len(row)) - np.repeat(np.cumsum(counts) - counts, counts)
    padded = np.full((len(entities), max(1, int(counts.max(initial=0)))), NO_CLASS, dtype=np.int64)
    padded[row, column] = numbers[known]
    return padded


def _bytes(texts: pa.Array) -> npt.NDArray[np.bytes_]:
    return np.array(texts.cast(pa.binary()).to_pylist(), dtype=np.bytes_)


def _combined(column: pa.ChunkedArray) -> pa.Array:
    return column.combine_chunks() if column.num_chunks != 1 else column.chunk(0)
