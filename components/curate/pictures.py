"""The labelled pictures of a crawl as columns, some 70 bytes a picture, for planning."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from components.shards.format import shard_name

Mask = npt.NDArray[np.bool_]
Whole = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Pictures:
    """n pictures with m entity labels between them.

    Attributes:
        shard: the crawl's shard, int64 [n].
        row: the row in that shard's survey, int64 [n].
        digest: SHA-256 of the bytes, as four numbers, uint64 [n, 4].
        starts: picture i has the labels `starts[i]` to `starts[i + 1]`, int64 [n + 1].
        entities: numeric Q-ids, best first within a picture, int64 [m].
    """

    shard: Whole
    row: Whole
    digest: npt.NDArray[np.uint64]
    starts: Whole
    entities: Whole

    def __len__(self) -> int:
        return len(self.shard)

    @property
    def owners(self) -> Whole:
        """Which picture a label is of, int64 [m]."""
        return np.repeat(np.arange(len(self)), np.diff(self.starts))

    def keep(self, pictures: Mask, labels: Mask) -> "Pictures":
        """The pictures of a mask [n], with those of their labels that are in a mask [m]."""
        owners = self.owners
        labels = labels & pictures[owners]
        lengths = np.bincount(owners[labels], minlength=len(self))[pictures]
        return Pictures(
            self.shard[pictures], self.row[pictures], self.digest[pictures], starts_of(lengths), self.entities[labels]
        )

    def lists(self, positions: Whole) -> list[list[int]]:
        """The entities of some pictures."""
        return [self.entities[self.starts[p] : self.starts[p + 1]].tolist() for p in positions]


def starts_of(lengths: Whole) -> Whole:
    """Lengths of n concatenated lists, int64 [n] → their offsets and the end, int64 [n + 1]."""
    return np.concatenate([[0], np.cumsum(lengths)]).astype(np.int64)


def read_survey(folder: Path, numbers: Sequence[int]) -> Pictures:
    """The surveys (`SURVEY_SCHEMA`) of all shards of the crawl, one after the other."""
    parts = [_read(folder / f"{shard_name(number)}.parquet") for number in numbers]
    sizes = [len(digest) for digest, _, _ in parts]
    return Pictures(
        shard=np.repeat(np.asarray(numbers, dtype=np.int64), sizes),
        row=np.concatenate([np.arange(size, dtype=np.int64) for size in sizes]),
        digest=np.concatenate([digest for digest, _, _ in parts]),
        starts=starts_of(np.concatenate([lengths for _, lengths, _ in parts])),
        entities=np.concatenate([entities for _, _, entities in parts]),
    )


def _read(path: Path) -> tuple[npt.NDArray[np.uint64], Whole, Whole]:
    table: pa.Table = pq.read_table(path, columns=["sha256", "entities"])
    digests = b"".join(table["sha256"].to_pylist())
    lists = table["entities"].combine_chunks()
    return (
        np.frombuffer(digests, dtype=">u8").astype(np.uint64).reshape(-1, 4),
        pc.list_value_length(lists).to_numpy(zero_copy_only=False).astype(np.int64),
        lists.flatten().to_numpy(zero_copy_only=False).astype(np.int64),
    )
