"""The name index: normalised name → candidates with priors, in memory-mapped partitions.

A partition is a trie of names (their numbers are its own), where each name's candidates begin, and
the candidates, best first. Names that begin with the same two words are in one partition. That
longer names begin with a word is an entry of its own ("the "), so that a search for the longest
match asks one partition at a time.
"""

import struct
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import marisa_trie
import numpy as np

from components.errors import InputError
from components.knowledge.base.format import partition_of

_RECORD = struct.Struct("<Iqf?")  # `RECORD`
_TRIE, _STARTS, _RECORDS = "{:05d}.marisa", "{:05d}_starts.npy", "{:05d}_records.npy"


class NameIndex:
    """Opened by `NameIndex.open`; read-only, and shared by all processes of a machine."""

    def __init__(self, tries: Sequence[Any], starts: Sequence[Any], records: Sequence[Any]) -> None:
        # `records` are bytes of `RECORD`s.
        self._tries, self._starts, self._records = tries, starts, records

    @classmethod
    def open(cls, folder: Path) -> "NameIndex":
        """Maps the files of `folder`.

        Raises:
            InputError: if they do not fit together.
            OSError, ValueError, RuntimeError: if one is missing or damaged.
        """
        count = len(list(folder.glob("*.marisa")))
        if not count:
            raise InputError(f"{folder} holds no name index")
        tries = [marisa_trie.Trie().mmap(str(folder / _TRIE.format(n))) for n in range(count)]
        starts = [np.load(folder / _STARTS.format(n), mmap_mode="r") for n in range(count)]
        records = [np.load(folder / _RECORDS.format(n), mmap_mode="r") for n in range(count)]
        for n, (trie, start, record) in enumerate(zip(tries, starts, records, strict=True)):
            if len(start) != len(trie) + 1 or int(start[-1]) != len(record):
                raise InputError(f"the files of partition {n} of {folder} do not belong together")
        # An item of a plain view costs half of one of a memmap; records from bytes a third of
        # numpy's.
        return cls(tries, [start.view(np.ndarray) for start in starts], [memoryview(r.view(np.uint8)) for r in records])

    def goes_on(self, words: str) -> bool:
        """Whether a longer name begins with these whole words."""
        trie = self._tries[partition_of(words, len(self._tries))]
        return words + " " in trie if " " not in words else bool(trie.has_keys_with_prefix(words + " "))

    def records(self, name: str, most: int | None = None) -> list[tuple[int, int, float, bool]]:
        """(entity row, number of its Q-id, prior, whether written small) for a normalised name.

        They are at most `most`. They are in order of priors, best first, ties in order of rows.
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
