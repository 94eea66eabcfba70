"""The name index: normalised name → candidates with priors, in memory-mapped partitions.

A partition has a trie that numbers its names, the offset of each name's candidates, and the
candidates, best first. Names with the same first two words share a partition. An entry of its own
("the ") marks that longer names begin with a word, so a longest-match search reads one partition at
a time.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import marisa_trie
import numpy as np

from components.errors import InputError
from components.knowledge.base.format import FIX, RECORD, partition_of
from components.storage.foreign.tables import naming, read_array

_RECORD = struct.Struct("<Iqf?")  # `RECORD`
_TRIE, _STARTS, _RECORDS = "{:05d}.marisa", "{:05d}_starts.npy", "{:05d}_records.npy"


def _trie(path: Path) -> Any:
    with naming(path, "a trie of names", FIX):
        if not path.stat().st_size:
            raise InputError(f"{path} is empty; {FIX}")
        try:
            return marisa_trie.Trie().mmap(str(path))
        except RuntimeError as error:  # the library's own errors
            raise ValueError(str(error)) from error


class NameIndex:
    """Opened by `NameIndex.open`; read-only, and shared by all processes of a machine."""

    def __init__(self, tries: Sequence[Any], starts: Sequence[Any], records: Sequence[Any]) -> None:
        # `records` are bytes of `RECORD`s.
        self._tries, self._starts, self._records = tries, starts, records

    @classmethod
    def open(cls, folder: Path) -> "NameIndex":
        """Maps the files of `folder`.

        Raises:
            InputError: if one is missing or damaged, or they do not fit together.
        """
        count = len(list(folder.glob("*.marisa")))
        if not count:
            raise InputError(f"{folder} holds no name index; {FIX}")
        tries = [_trie(folder / _TRIE.format(n)) for n in range(count)]
        starts = [read_array(folder / _STARTS.format(n), "iu", 1, FIX, mapped=True) for n in range(count)]
        records: list[Any] = [read_array(folder / _RECORDS.format(n), "V", 1, FIX, mapped=True) for n in range(count)]
        for n, (trie, start, record) in enumerate(zip(tries, starts, records, strict=True)):
            if len(start) != len(trie) + 1 or int(start[-1]) != len(record) or record.dtype != RECORD:
                raise InputError(f"the files of partition {n} of {folder} do not belong together; {FIX}")
        # An item of a plain view costs half of one of a memmap; records from bytes a third of
        # numpy's.
        return cls(tries, [start.view(np.ndarray) for start in starts], [memoryview(r.view(np.uint8)) for r in records])

    def is_prefix(self, words: str) -> bool:
        """Whether a longer name starts with these whole words."""
        trie = self._tries[partition_of(words, len(self._tries))]
        return words + " " in trie if " " not in words else bool(trie.has_keys_with_prefix(words + " "))

    def records(self, name: str, most: int | None = None) -> list[tuple[int, int, float, bool]]:
        """(entity row, number of its Q-id, prior, lower-case initial) of a normalised name.

        At most `most`, by descending prior, then by row.
        """
        partition = partition_of(name, len(self._tries))
        key = self._tries[partition].get(name)
        if key is None:
            return []
        starts = self._starts[partition]
        first, last = starts.item(key), starts.item(key + 1)
        if most is not None:
            last = min(last, first + most)
        return list(_RECORD.iter_unpack(self._records[partition][first * _RECORD.size : last * _RECORD.size]))
