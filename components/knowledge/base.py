"""The knowledge base on disk, opened: memory-mapped, so that workers of one machine share it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import marisa_trie
import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.knowledge.entity import Entity
from components.knowledge.names import normalise

if TYPE_CHECKING:
    from components.knowledge.embedder import TextEmbedder

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
    ]
)
# A name's record: entity row and prior.
NAME_FORMAT = "<If"


@dataclass(frozen=True)
class Candidate:
    """An entity that a name may mean, with the probability of that before any context is seen."""

    row: int
    entity_id: str
    prior: float


class KnowledgeBase:
    """Opened by `KnowledgeBase.open`; read-only."""

    def __init__(self, folder: Path, table: pa.Table, trie: Any, embeddings: npt.NDArray[np.float32]) -> None:
        self.folder = folder
        self.embeddings = embeddings
        self._table = table
        self._trie = trie

    @classmethod
    def open(cls, folder: Path) -> "KnowledgeBase":
        """Maps the files of `folder`.

        Raises:
            InputError: if they are not there, or damaged.
        """
        try:
            table = pq.read_table(folder / "entities.parquet", memory_map=True)
            trie = marisa_trie.RecordTrie(NAME_FORMAT).mmap(str(folder / "names.marisa"))
            embeddings = np.load(folder / "embeddings.npy", mmap_mode="r")
        except (OSError, ValueError, RuntimeError, EOFError) as error:
            raise InputError(f"{folder} holds no knowledge base ({error}); `mofi knowledge build` makes one") from error
        if len(embeddings) != table.num_rows:
            raise InputError(
                f"{folder} has {table.num_rows} entities but {len(embeddings)} embeddings; `mofi knowledge build` makes it anew"
            )
        return cls(folder, table, trie, embeddings)

    def __len__(self) -> int:
        return int(self._table.num_rows)

    def candidates(self, name: str) -> list[Candidate]:
        """What a name may mean, likeliest first (ties by row); empty for an unknown name. Priors of one name sum to 1."""
        records = self._trie.get(normalise(name), ())
        found = [Candidate(row, self._ids[row], prior) for row, prior in records]
        return sorted(found, key=lambda c: (-c.prior, c.row))

    def has_name(self, normalised: str) -> bool:
        """Whether a name, normalised already, is in the index."""
        return normalised in self._trie

    def starts_name(self, normalised: str) -> bool:
        """Whether some name begins with these words, for longest-match search."""
        return bool(self._trie.has_keys_with_prefix(normalised))

    def entity(self, row: int) -> Entity:
        """The entity of a row."""
        values = self._table.slice(row, 1).to_pylist()[0]
        lists = {name: tuple(values[name]) for name in ("aliases", "instance_of", "subclass_of")}
        return Entity(**(values | lists))

    def entity_id(self, row: int) -> str:
        """The Q-id of a row, without reading the rest of it."""
        return self._ids[row]

    def row_of(self, entity_id: str) -> int | None:
        """The row of a Q-id, or None."""
        return self._rows.get(entity_id)

    @property
    def size(self) -> int:
        """Length of an entity's embedding."""
        return int(self.embeddings.shape[1])

    def vectors(self, rows: Sequence[int]) -> npt.NDArray[np.float32]:
        """The embeddings of rows: float32 [n, size], L2-normalised (zero for an entity without a known word)."""
        return self.embeddings[list(rows)]

    def embed(self, texts: Sequence[str]) -> npt.NDArray[np.float32]:
        """Texts in the space of `embeddings`: float32 [n, d], L2-normalised (zero for a text without a known word)."""
        return self._embedder.embed(texts)

    @cached_property
    def _ids(self) -> list[str]:
        ids: list[str] = self._table.column("entity_id").to_pylist()
        return ids

    @cached_property
    def _rows(self) -> dict[str, int]:
        return {entity_id: row for row, entity_id in enumerate(self._ids)}

    @cached_property
    def _embedder(self) -> "TextEmbedder":
        from components.knowledge.embedder import TextEmbedder  # scikit-learn takes seconds to import

        return TextEmbedder.load(self.folder)
