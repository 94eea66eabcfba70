"""Pointers from pictures to earlier duplicates, and the chains to the first ones.

A picture may duplicate several others. It points to the one with the smallest key, which may point
to a smaller one, and so on. Keys only decrease, so every chain ends at a picture that duplicates
none.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.crawl.duplicates.runs import Range, find_runs, look_up, read_range, write_run
from components.execution.shard_map import Outcome
from components.shards.format import PICTURES

# A match of a picture; and its parents: the smallest key of all matches, and of exact ones.
POINTER = np.dtype([("to", "<i8"), ("exact", "?")])
_PARENT = np.dtype([("to", "<i8"), ("exact", "<i8")])
POINTERS, PARENTS = "pointers", "parents"

Keys = npt.NDArray[np.int64]


@dataclass(frozen=True)
class Group:
    """Shards that one task processes, and the range of their keys as numbers, [`first`, `end`)."""

    shards: tuple[int, ...]
    first: int
    end: int


def group_shards(shards: Sequence[int], pictures: Sequence[int], max_pictures: int) -> list[Group]:
    """Groups consecutive shards with about `max_pictures` pictures each."""
    groups: list[list[int]] = []
    count = 0
    for shard, number in zip(shards, pictures, strict=True):
        if not groups or count + number > max_pictures:
            groups.append([])
            count = 0
        groups[-1].append(shard)
        count += number
    return [Group(tuple(g), g[0] * PICTURES, (g[-1] + 1) * PICTURES) for g in groups]


def write_pointers(folder: Path, name: str, found: Iterable[tuple[Keys, Keys, bool]]) -> int:
    """Writes pointers (from, to, exact) as a run; returns how many."""
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
    """Writes the parents of a group: the smallest key, and the smallest with equal bytes."""
    runs = [run for folder in folders for run in find_runs(folder, POINTERS)]
    if runs:
        sort_keys, rows = read_range(runs, Range(group.first, group.end))
        keys, which = np.unique(sort_keys, return_inverse=True)
        parents = np.empty(len(keys), dtype=_PARENT)
        parents["to"] = parents["exact"] = keys
        for name, chosen in (("to", slice(None)), ("exact", rows["exact"])):
            least = parents[name].copy()
            np.minimum.at(least, which[chosen], rows["to"][chosen])
            parents[name] = least
        write_run(out, f"{number:05d}", PARENTS, keys, parents)
    return Outcome()


class Parents:
    """The parents of all pictures on disk, one file per group; only what is looked up is read."""

    def __init__(self, folder: Path, groups: Sequence[Group]) -> None:
        self._folder = folder
        self._firsts = np.array([group.first for group in groups], dtype=np.int64)

    def roots(self, keys: Keys) -> Keys:
        """The ends of the chains from these pictures, int64 [n]."""
        return self._follow(keys, "to")

    def first_equals(self, keys: Keys) -> Keys:
        """The first pictures with the same bytes, int64 [n]."""
        return self._follow(keys, "exact")

    def _follow(self, keys: Keys, name: str) -> Keys:
        current = keys.copy()
        active = np.arange(len(keys))
        while len(active):
            following = self._step(current[active], name)
            moved = following != current[active]
            current[active] = following
            active = active[moved]
        return current

    def _step(self, keys: Keys, name: str) -> Keys:
        following = keys.copy()
        pieces = np.searchsorted(self._firsts, keys, side="right") - 1
        for piece in np.unique(pieces):
            chosen = np.flatnonzero(pieces == piece)
            known, rows = look_up(self._folder, f"{piece:05d}", PARENTS, keys[chosen].astype(np.uint64))
            if len(known):
                following[chosen[known]] = rows[name]
        return following
