"""CLIP embeddings of the candidates' texts, each computed once.

The candidate rows of the whole crawl are sorted and split into blocks. So each text is embedded
once, in a batch whose other texts depend on the crawl alone: the last bits depend on the content of
a batch, and labels must not depend on which worker processed what.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.label.image_filter.calibration import Matrix, ScoreStatistics, score_statistics
from components.label.vectors import Vector
from components.storage.arrays import new_array, save_array

# Texts per task.
BLOCK = 4096
# Entity rows, ascending, int32 [n]; embeddings, float16 [n, d]; mean and deviation, float64 [2, n].
ROWS, _TEXTS, _STANDARD = "rows.npy", "texts.npy", "standard.npy"


def write_block(folder: Path, first: int, texts: Matrix, references: Matrix) -> None:
    """Writes embeddings [b, d] of the texts from offset `first`, and their score statistics."""
    kept = texts.astype(np.float16)
    statistics = score_statistics(kept.astype(np.float32), references)
    save_array(folder / f"{first:010d}_{_TEXTS}", kept)
    save_array(folder / f"{first:010d}_{_STANDARD}", np.stack([statistics.mean, statistics.deviation]))


def join_texts(blocks: Path, out: Path) -> None:
    """Joins a folder's blocks to one file of embeddings and one of statistics, block by block."""
    count = len(np.load(out / ROWS, mmap_mode="r"))
    width = np.load(out / "references.npy", mmap_mode="r").shape[1]
    texts = new_array(out / _TEXTS, np.float16, (count, width)) if count else None
    statistics = np.zeros((2, count))
    for first in range(0, count, BLOCK):
        assert texts is not None
        texts[first : first + BLOCK] = np.load(blocks / f"{first:010d}_{_TEXTS}")
        statistics[:, first : first + BLOCK] = np.load(blocks / f"{first:010d}_{_STANDARD}")
    if texts is None:  # nothing to map
        save_array(out / _TEXTS, np.zeros((0, width), np.float16))
    else:
        texts.flush()
    save_array(out / _STANDARD, statistics)


@dataclass(frozen=True)
class TextScorer:
    """Standardised scores of pictures against entities' texts ("name, description").

    `rows`: int32 [n], ascending; `texts`: float16 [n, d], L2-normalised; `statistics`: per text.
    """

    rows: npt.NDArray[np.int32]
    texts: npt.NDArray[np.float16]
    statistics: ScoreStatistics

    @classmethod
    def open(cls, folder: Path) -> "TextScorer":
        """What `join_texts` wrote; texts are memory-mapped."""
        mean, deviation = np.load(folder / _STANDARD)
        texts = np.load(folder / _TEXTS, mmap_mode="r")
        return cls(np.load(folder / ROWS), texts, ScoreStatistics(mean, deviation))

    def score(self, picture: Vector, rows: Sequence[int]) -> npt.NDArray[np.float64]:
        """z of one picture [d] for entity rows → [n]; zeros for a picture that could not be read.

        Raises:
            KeyError: if a row is not in `self.rows`.
        """
        if not picture.any():
            return np.zeros(len(rows))
        positions = np.searchsorted(self.rows, rows)
        if len(rows) and (positions.max() == len(self.rows) or (self.rows[positions] != rows).any()):
            raise KeyError(f"no text was embedded for some of the entity rows {list(rows)}")
        cosines = (self.texts[positions].astype(np.float32) @ picture).astype(np.float64)
        return np.asarray((cosines - self.statistics.mean[positions]) / self.statistics.deviation[positions])
