"""From pictures to the earlier ones that they repeat: found piece by piece, gathered, and followed to the first of all.

A picture may be found to repeat several others. It points to the one with the smallest key, that one perhaps to a smaller one, and
so on: keys only fall, so every way ends at a picture that repeats none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.crawl.duplicates.runs import Range, find_runs, look_up, read_range, write_run
from components.execution.shard_map import Outcome
from components.shards.format import PICTURES

# What a picture was found to repeat; and what is left of that: the smallest of all, and the smallest of equal bytes.
POINTER = np.dtype([("to", "<i8"), ("exact", "?")])
_PARENT = np.dtype([("to", "<i8"), ("exact", "<i8")])
POINTERS, PARENTS = "pointers", "parents"

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Shards that are worked on together, and the keys of theirs, as numbers: from `first` to below `end`."""

    shards: tuple[int, ...]
    first: int
    end: int


def group_shards(shards: Sequence[int], pictures: Sequence[int], most: int) -> list[Group]:
    """Neighbouring shards with some `most` pictures together."""
    groups: list[list[int]] = []
    held = 0
    for shard, number in zip(shards, pictures, strict=True):
        if not groups or held + number > most:
            groups.append([])
            held = 0
        groups[-1].append(shard)
        held += number
    return [Group(tuple(g), g[0] * PICTURES, (g[-1] + 1) * PICTURES) for g in groups]


def write_pointers(folder: Path, name: str, found: Iterable[tuple[Keys, Keys, bool]]) -> int:
    """Writes pointers (from, to, whether for equal bytes) as a run; returns how many."""
    sources, pointers = [np.empty(0, dtype=np.int64)], [np.empty(0, dtype=POINTER)]
    for copies, originals, exact in found:
        rows = np.empty(len(copies), dtype=POINTER)
        rows["to"], rows["exact"] = originals, exact
        sources.append(copies)
        pointers.append(rows)
    rows = np.concatenate(pointers)
    write_run(folder, name, POINTERS, np.concatenate(sources).astype(np.uint64), rows)
    return len(rows)


def gather_pointers(folders: Sequence[Path], group: Group, number: int, out: Path) -> Outcome:
    """Writes what each picture of a group points to in the end of the search: the smallest key, and the smallest of equal bytes."""
    runs = [run for folder in folders for run in find_runs(folder, POINTERS)]
    if runs:
        places, rows = read_range(runs, Range(group.first, group.end))
        keys, which = np.unique(places, return_inverse=True)
        parents = np.empty(len(keys), dtype=_PARENT)
        parents["to"] = parents["exact"] = keys
        for name, chosen in (("to", slice(None)), ("exact", rows["exact"])):
            least = parents[name].copy()
            np.minimum.at(least, which[chosen], rows["to"][chosen])
            parents[name] = least
        write_run(out, f"{number:05d}", PARENTS, keys, parents)
    return Outcome()


class Parents:
    """What every picture points to: on disk, a piece for each group of shards, of which only what is asked for is read."""

    def __init__(self, folder: Path, groups: Sequence[Group]) -> None:
        self._folder = folder
        self._firsts = np.array([group.first for group in groups], dtype=np.int64)

    def roots(self, keys: Keys) -> Keys:
        """Where the ways from these pictures end, int64 [n]; a picture that repeats none is its own."""
        return self._follow(keys, "to")

    def first_equals(self, keys: Keys) -> Keys:
        """The first pictures of the same bytes, int64 [n]."""
        return self._follow(keys, "exact")

    def _follow(self, keys: Keys, name: str) -> Keys:
        at = keys.copy()
        on_the_way = np.arange(len(keys))
        while len(on_the_way):
            following = self._step(at[on_the_way], name)
            moved = following != at[on_the_way]
            at[on_the_way] = following
            on_the_way = on_the_way[moved]
        return at

    def _step(self, keys: Keys, name: str) -> Keys:
        following = keys.copy()
        pieces = np.searchsorted(self._firsts, keys, side="right") - 1
        for piece in np.unique(pieces):
            chosen = np.flatnonzero(pieces == piece)
            known, rows = look_up(self._folder, f"{piece:05d}", PARENTS, keys[chosen].astype(np.uint64))
            if len(known):
                following[chosen[known]] = rows[name]
        return following
