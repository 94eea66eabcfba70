"""Sorted runs: rows on disk, ordered by a 64-bit number, of which any range is read without reading the rest.

Who has more rows than memory writes them in runs of what fits, and reads ranges of all runs together, each of about as many rows
as a run has. Where ranges begin is chosen from samples of the runs, so that they are of about equal size however the numbers are
spread.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

# Of so many numbers at most one is kept aside to choose ranges by, and so many of a run at least, if it has them.
_SAMPLED, _SAMPLES = 256, 64
# Where rows are copied for a moment, so many at a time.
PIECE = 10_000

Places = npt.NDArray[np.uint64]
Rows = npt.NDArray[Any]


@dataclass(frozen=True)
class Range:
    """Rows whose number is at least `first` and below `end`; no end = to the last."""

    first: int = 0
    end: int | None = None


def write_run(folder: Path, name: str, kind: str, places: Places, rows: Rows) -> None:
    """Writes rows in the order of their numbers, uint64 [n]; nothing if there are none. `kind` tells what sort of rows they are."""
    if not len(rows):
        return
    order = np.argsort(places, kind="stable")
    places = places[order]
    np.save(folder / f"{name}.{kind}.places.npy", places)
    _save(folder / f"{name}.{kind}.rows.npy", rows, order)
    step = min(_SAMPLED, 1 + len(places) // _SAMPLES)
    np.save(folder / f"{name}.{kind}.sample.npy", places[step // 2 :: step])


def _save(path: Path, rows: Rows, order: npt.NDArray[np.intp]) -> None:
    """As `np.save` writes `rows[order]`, which would be as large as all rows."""
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, np.lib.format.header_data_from_array_1_0(rows))
        for begin in range(0, len(order), PIECE):
            rows[order[begin : begin + PIECE]].tofile(file)


def find_runs(folder: Path, kind: str) -> list[Path]:
    """The runs of a kind, by name."""
    return [
        path.with_name(path.name.removesuffix(".places.npy")) for path in sorted(folder.glob(f"*.{kind}.places.npy"))
    ]


def look_up(folder: Path, name: str, kind: str, wanted: Places) -> tuple[npt.NDArray[np.intp], Rows]:
    """Which of these numbers a run has, and their rows; it reads little more than those. A run that is not there has none.

    Numbers of the run must differ.
    """
    run = folder / f"{name}.{kind}"
    if not _file(run, "places").exists():
        return np.empty(0, dtype=np.intp), np.empty(0)
    places = _open(run, "places")
    found = np.minimum(np.searchsorted(places, wanted), len(places) - 1)
    known = np.flatnonzero(places[found] == wanted)
    return known, np.array(_open(run, "rows")[found[known]])


def split(runs: Sequence[Path], most: int) -> list[Range]:
    """Ranges that cover everything, of some `most` rows each; none if there are no runs."""
    if not runs:
        return []
    rows = sum(len(_open(run, "places")) for run in runs)
    sample = np.sort(np.concatenate([np.load(_file(run, "sample"), allow_pickle=False) for run in runs]))
    number = -(-rows // most)
    ends = np.unique(sample[[len(sample) * n // number for n in range(1, number)]])
    bounds = [0, *(int(end) for end in ends if end)]
    return [*(Range(*pair) for pair in pairwise(bounds)), Range(bounds[-1])]


def read_range(runs: Sequence[Path], wanted: Range) -> tuple[Places, Rows]:
    """Numbers and rows of a range, of all runs, one run after the other.

    Raises:
        IndexError: if there is no run, so that nobody knows what rows they would be.
    """
    bounds = [_bounds(_open(run, "places"), wanted) for run in runs]
    number = sum(end - begin for begin, end in bounds)
    places, rows = np.empty(number, np.uint64), np.empty(number, _open(runs[0], "rows").dtype)
    filled = 0
    for run, (begin, end) in zip(runs, bounds, strict=True):
        piece = slice(filled, filled := filled + end - begin)
        places[piece] = _open(run, "places")[begin:end]
        rows[piece] = _open(run, "rows")[begin:end]
    return places, rows


def places_after(runs: Sequence[Path], place: int, most: int, last: int) -> Places:
    """Different numbers from `place` to `last`, ascending: the first `most` of them."""
    found = []
    for run in runs:
        places = _open(run, "places")
        begin = int(np.searchsorted(places, np.uint64(place)))
        # A run may hold a number several times, though seldom: then fewer different ones are seen of it, never wrong ones.
        some = np.unique(places[begin : begin + most])
        found.append(some[some <= np.uint64(last)])
    return np.unique(np.concatenate(found))[:most]


def _bounds(places: Places, wanted: Range) -> tuple[int, int]:
    begin = int(np.searchsorted(places, np.uint64(wanted.first)))
    return begin, len(places) if wanted.end is None else int(np.searchsorted(places, np.uint64(wanted.end)))


def _open(run: Path, part: str) -> Rows:
    opened: Rows = np.load(_file(run, part), mmap_mode="r", allow_pickle=False)
    return opened


def _file(run: Path, part: str) -> Path:
    return run.with_name(f"{run.name}.{part}.npy")
