"""The hold-out set (a benchmark's pictures), and the search for near-copies of it."""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from components.crawl.pictures.near_copy import (
    BLOCKS,
    SIDE,
    Thumbnail,
    block_contrasts,
    block_means,
    difference,
    may_be_copies,
    thumbnail,
)
from components.errors import InputError
from components.execution.shard_map import Outcome, map_shards
from components.images.decode import BadImage, open_rgb
from components.shards.format import EXTENSIONS
from components.storage.arrays import new_array
from components.storage.atomic import new_folder

_JOINED = "fingerprints"
_CHUNK = 500
# Hold-out pictures that are compared in detail: those with the nearest colours.
_NEAREST = 5


@dataclass(frozen=True)
class HoldOut:
    """Fingerprints of the hold-out set, memory-mapped, so that all workers of a machine share them.

    Attributes:
        thumbnails: uint8 [n, 48, 48, 3].
        means: float32 [n, 12, 12, 3], mean colours of blocks.
        contrasts: float32 [n, 12, 12], of the same blocks.
        colours: float32 [n, 108], mean colours of 6 x 6 blocks.
        norms: float32 [n], squared lengths of `colours`.
    """

    thumbnails: Thumbnail
    means: npt.NDArray[np.float32]
    contrasts: npt.NDArray[np.float32]
    colours: npt.NDArray[np.float32]
    norms: npt.NDArray[np.float32]

    def difference(self, picture: Thumbnail) -> float:
        """The smallest difference to a hold-out picture, grey levels; infinite if there is none."""
        if not len(self.norms):
            return float("inf")
        means, contrasts = block_means(picture), block_contrasts(picture)
        distances = self.norms - 2 * (self.colours @ _colours(means))
        number = min(_NEAREST, len(distances))
        nearest = np.sort(np.argpartition(distances, number - 1)[:number])
        alike = may_be_copies(means, contrasts, self.means[nearest], self.contrasts[nearest])
        return min((difference(picture, self.thumbnails[n]) for n in nearest[alike]), default=float("inf"))


def _colours(means: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
    """Float32 [..., 12, 12, 3] → [..., 108]."""
    half = BLOCKS // 2
    quarters = means.reshape(*means.shape[:-3], half, 2, half, 2, 3).mean((-4, -2))
    return np.asarray(quarters.reshape(*means.shape[:-3], 3 * half * half))


def held_out_files(folder: Path) -> list[Path]:
    """The pictures of a hold-out set, sorted.

    Raises:
        InputError: if there is none.
    """
    files = sorted(p.absolute() for p in folder.rglob("*") if p.suffix.lower()[1:] in EXTENSIONS)
    if not files:
        raise InputError(f"{folder} contains no picture ({', '.join(EXTENSIONS)}) to hold out; fix or omit --hold-out")
    return files


def build_hold_out(folder: Path, work: Path) -> Path:
    """Fingerprints all pictures of a folder, once; returns their folder, for `open_hold_out`.

    Raises:
        InputError: if the folder has no picture, or one that cannot be decoded and thus not be held
            out.
    """
    files = held_out_files(folder)
    chunks = [files[n : n + _CHUNK] for n in range(0, len(files), _CHUNK)]
    finished, counts = map_shards(_fingerprint, chunks, stage="crawl: hold-out", work=work)
    if unreadable := sorted(counts.keys() - {"pictures"}):
        raise InputError(
            f"{len(unreadable)} pictures cannot be held out of the crawl, because they cannot be decoded: "
            f"{', '.join(unreadable[:3])}; fix or remove them"
        )
    joined = work / _JOINED
    if not joined.exists():
        with new_folder(joined) as unfinished:
            _join(finished, len(files), unfinished)
    return joined


def _fingerprint(files: Sequence[Path], number: int, out: Path) -> Outcome:
    thumbnails = np.zeros((len(files), SIDE, SIDE, 3), dtype=np.uint8)
    counts = {"pictures": len(files)}
    for position, file in enumerate(files):
        try:
            thumbnails[position] = thumbnail(open_rgb(file.read_bytes()))
        except BadImage:
            counts[str(file)] = 1
    np.savez(out / f"{number:05d}.npz", allow_pickle=False, **_describe(thumbnails))
    return Outcome(counts, attempted=len(files))


def _describe(thumbnails: Thumbnail) -> dict[str, npt.NDArray[Any]]:
    means = block_means(thumbnails)
    return {
        "thumbnails": thumbnails,
        "means": means,
        "contrasts": block_contrasts(thumbnails),
        "colours": _colours(means),
    }


def _join(parts: Path, total: int, folder: Path) -> None:
    """Makes one file of each kind, a part at a time."""
    position = 0
    arrays: dict[str, npt.NDArray[Any]] = {}
    for file in sorted(parts.glob("*.npz")):
        with np.load(file, allow_pickle=False) as part:
            for name in part.files:
                if name not in arrays:
                    shape = (total, *part[name].shape[1:])
                    arrays[name] = new_array(folder / f"{name}.npy", part[name].dtype, shape)
                arrays[name][position : position + len(part[name])] = part[name]
            position += len(part["thumbnails"])
    for array in arrays.values():
        array.flush()  # type: ignore[attr-defined]


@lru_cache(maxsize=1)
def open_hold_out(folder: Path | None) -> HoldOut:
    """The fingerprints of `build_hold_out`; empty without a folder."""
    if folder is None:
        arrays = _describe(np.empty((0, SIDE, SIDE, 3), dtype=np.uint8))
    else:
        arrays = {p.stem: np.load(p, mmap_mode="r", allow_pickle=False) for p in folder.glob("*.npy")}
    return HoldOut(**arrays, norms=np.einsum("nd,nd->n", arrays["colours"], arrays["colours"]))
