"""An opened knowledge base: memory-mapped, so the workers of a machine share it."""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.errors import InputError
from components.knowledge.base import format as files
from components.knowledge.base.entity import Entity
from components.knowledge.base.index import NameIndex
from components.knowledge.base.names import normalise
from components.knowledge.qid import is_qid, number_of, qid_of
from components.storage.foreign.tables import check_columns, naming, read_array

if TYPE_CHECKING:
    from components.knowledge.base.embedder import TextEmbedder

_LISTS = ("aliases", "instance_of", "subclass_of")


class Candidate(NamedTuple):
    """An entity that a name may mean, with its prior probability, i.e. without any context.

    `small`: Wikidata writes the name with a lower-case initial, like a common noun, or in a script
    without case.
    """

    row: int
    entity_id: str
    prior: float
    small: bool = True


class KnowledgeBase:
    """Opened by `KnowledgeBase.open`; read-only."""

    def __init__(
        self,
        folder: Path,
        table: pa.Table,
        numbers: npt.NDArray[np.int64],
        names: NameIndex,
        embeddings: npt.NDArray[np.float16],
    ) -> None:
        self.folder = folder
        self.embeddings = embeddings
        self._table = table
        self._numbers = numbers
        self._names = names

    @classmethod
    def open(cls, folder: Path) -> "KnowledgeBase":
        """Maps the files of `folder`.

        Raises:
            InputError: if one is missing or damaged.
        """
        if not (folder / files.ENTITIES).is_file():
            raise InputError(f"{folder} holds no knowledge base ({files.ENTITIES}); {files.FIX}")
        table = open_entities(folder)
        numbers = read_array(folder / files.IDS, "i", 1, files.FIX, mapped=True)
        names = NameIndex.open(folder / files.NAMES)
        embeddings = read_array(folder / files.EMBEDDINGS, "f", 2, files.FIX, mapped=True)
        for what, values in (("Q-ids", numbers), ("embeddings", embeddings)):
            if len(values) != table.num_rows:
                raise InputError(f"{folder} has {table.num_rows} entities but {len(values)} {what}; {files.FIX}")
        return cls(folder, table, numbers, names, embeddings)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def candidates(self, name: str, most: int | None = None) -> list[Candidate]:
        """Candidate entities of a name, likeliest first (ties by row), at most `most`.

        An unknown name has none. Priors of one name sum to 1.
        """
        records = self._names.records(normalise(name), most)
        return [Candidate(row, qid_of(number), prior, small) for row, number, prior, small in records]

    def is_prefix(self, normalised: str) -> bool:
        """Whether a longer name starts with these whole words, for longest-match search."""
        return self._names.is_prefix(normalised)

    def entity(self, row: int) -> Entity:
        """The entity of a row."""
        values = self._table.slice(row, 1).to_pylist()[0]
        return Entity(**(values | {name: tuple(values[name]) for name in _LISTS}))

    def entity_id(self, row: int) -> str:
        """The Q-id of a row, without reading the rest of it."""
        return qid_of(self._numbers.item(row))

    def numbers(self, rows: Sequence[int]) -> npt.NDArray[np.int64]:
        """The numbers of the Q-ids of rows, int64 [n]."""
        return np.asarray(self._numbers[list(rows)], dtype=np.int64)

    def row_of(self, entity_id: str) -> int | None:
        """The row of a Q-id, or None."""
        if not is_qid(entity_id):
            return None
        number = number_of(entity_id)
        row = int(np.searchsorted(self._numbers, number))
        return row if row < len(self) and self._numbers.item(row) == number else None

    @property
    def size(self) -> int:
        """Length of an entity's embedding."""
        return int(self.embeddings.shape[1])

    def vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """Embeddings of rows: float32 [n, size], L2-normalised; zero without a known word."""
        return np.asarray(self.embeddings[list(rows)], dtype=np.float32)

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Texts in the space of `embeddings`: float32 [n, size]; zero without a known word."""
        return self._embedder.embed(texts)

    @cached_property
    def _embedder(self) -> "TextEmbedder":
        from components.knowledge.base.embedder import TextEmbedder  # scikit-learn is slow to load

        return TextEmbedder.load(self.folder)


def open_entities(folder: Path) -> pa.Table:
    """The entity table (`ENTITY_SCHEMA`), memory-mapped: only the parts in use are read.

    Raises:
        InputError: if it is missing, damaged or no such table.
    """
    path = folder / files.ENTITIES
    with naming(path, "an entity table", files.FIX):
        table = pa.ipc.open_file(pa.memory_map(str(path))).read_all()
    check_columns(path, table.schema, files.ENTITY_SCHEMA, files.FIX)
    return table
