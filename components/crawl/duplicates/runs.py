"""Sorted runs: rows on disk in the order of a 64-bit sort key, with range reads.

Rows that exceed memory are written as several runs, and ranges of all runs are read together, each
with about as many rows as a run. Range bounds come from samples of the runs, so that ranges have
similar sizes whatever the distribution of the keys.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.storage.arrays import save_array, write_rows

# At most one sort key in this many is sampled, and at least this many per run, if it has them.
_SAMPLED, _SAMPLES = 256, 64
# Rows that are copied at a time.
PIECE = 10_000

SortKeys = npt.NDArray[np.uint64]
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class Range:
    """Rows whose sort key lies in [`first`, `end`); without `end`, all from `first` on."""

    first: int = 0
    end: int | None = None


def write_run(folder: Path, name: str, kind: str, sort_keys: SortKeys, rows: Rows) -> None:
    """Writes rows of a `kind`, if any, in the order of their sort keys, uint64 [n]."""
    if not len(rows):
        return
    order = np.argsort(sort_keys, kind="stable")
    sort_keys = sort_keys[order]
    save_array(folder / f"{name}.{kind}.sort_keys.npy", sort_keys)
    _save(folder / f"{name}.{kind}.rows.npy", rows, order)
    step = min(_SAMPLED, 1 + len(sort_keys) // _SAMPLES)
    save_array(folder / f"{name}.{kind}.sample.npy", sort_keys[step // 2 :: step])


def _save(path: Path, rows: Rows, order: npt.NDArray[np.intp]) -> None:
    """Like `save_array(path, rows[order])`, without a copy of all rows."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(rows))
        for start in range(0, len(order), PIECE):
            write_rows(file, rows[order[start : start + PIECE]])


def find_runs(folder: Path, kind: str) -> list[Path]:
    """The runs of a kind, by name."""
    return [
        path.with_name(path.name.removesuffix(".sort_keys.npy"))
        for path in sorted(folder.glob(f"*.{kind}.sort_keys.npy"))
    ]


def look_up(folder: Path, name: str, kind: str, wanted: SortKeys) -> tuple[npt.NDArray[np.intp], Rows]:
    """Which of the `wanted` sort keys a run has, and their rows; a missing run has none.

    The sort keys of the run must be unique.
    """
    run = folder / f"{name}.{kind}"
    if not _file(run, "sort_keys").exists():
        return np.empty(0, dtype=np.intp), np.empty(0)
    sort_keys = _open(run, "sort_keys")
    found = np.minimum(np.searchsorted(sort_keys, wanted), len(sort_keys) - 1)
    known = np.flatnonzero(sort_keys[found] == wanted)
    return known, np.array(_open(run, "rows")[found[known]])


def split(runs: Sequence[Path], max_rows: int) -> list[Range]:
    """Splits runs into ranges of about `max_rows` rows each; none if there are no runs."""
    if not runs:
        return []
    rows = sum(len(_open(run, "sort_keys")) for run in runs)
    sample = np.sort(np.concatenate([np.load(_file(run, "sample"), allow_pickle=False) for run in runs]))
    number = -(-rows // max_rows)
    ends = np.unique(sample[[len(sample) * n // number for n in range(1, number)]])
    bounds = [0, *(int(end) for end in ends if end)]
    return [*(Range(*pair) for pair in pairwise(bounds)), Range(bounds[-1])]


def read_range(runs: Sequence[Path], wanted: Range) -> tuple[SortKeys, Rows]:
    """Sort keys and rows of a range over all runs, one run after the other.

    Raises:
        IndexError: if there are no runs, as the row type is unknown then.
    """
    bounds = [_bounds(_open(run, "sort_keys"), wanted) for run in runs]
    number = sum(end - start for start, end in bounds)
    sort_keys, rows = np.empty(number, np.uint64), np.empty(number, _open(runs[0], "rows").dtype)
    filled = 0
    for run, (start, end) in zip(runs, bounds, strict=True):
        piece = slice(filled, filled := filled + end - start)
        sort_keys[piece] = _open(run, "sort_keys")[start:end]
        rows[piece] = _open(run, "rows")[start:end]
    return sort_keys, rows


def sort_keys_after(runs: Sequence[Path], first: int, max_rows: int, last: int) -> SortKeys:
    """The first `max_rows` distinct sort keys from `first` to `last`, ascending."""
    found = []
    for run in runs:
        sort_keys = _open(run, "sort_keys")
        start = int(np.searchsorted(sort_keys, np.uint64(first)))
        # Sort keys may repeat within a run, though rarely: then fewer are found, but never wrong
        # ones.
        some = np.unique(sort_keys[start : start + max_rows])
        found.append(some[some <= np.uint64(last)])
    return np.unique(np.concatenate(found))[:max_rows]


def _bounds(sort_keys: SortKeys, wanted: Range) -> tuple[int, int]:
    start = int(np.searchsorted(sort_keys, np.uint64(wanted.first)))
    return start, len(sort_keys) if wanted.end is None else int(np.searchsorted(sort_keys, np.uint64(wanted.end)))


def _open(run: Path, part: str) -> Rows:
    opened: Rows = np.load(_file(run, part), mmap_mode="r", allow_pickle=False)
    return opened


def _file(run: Path, part: str) -> Path:
    return run.with_name(f"{run.name}.{part}.npy")
