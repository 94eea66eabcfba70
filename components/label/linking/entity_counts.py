"""How often the crawl names each entity unambiguously, and the priors that follow.

If "jigsaw puzzle" is often named and "fretsaw" is not, a "jigsaw" is rather the puzzle. With n_c
pictures whose text names candidate c unambiguously (by any name that has no other meaning), prior
p_c and pseudo-count k (`label.named_smoothing`),

    p'_c = P (n_c + k p_c / P) / (sum n + k),    P = sum p over the mention's candidates

so that a crawl that names none of them leaves the prior unchanged.
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.linking.disambiguate import CandidateSet
from components.label.text.picture_text import PictureText

ENTITY_COUNTS = "named.npy"
_COUNT = np.dtype([("row", "<u4"), ("pictures", "<u8")])


def count_entities(picture_texts: Iterable[PictureText], min_coverage: float) -> Counter[int]:
    """Entity row → number of pictures whose text names it unambiguously."""
    return Counter(
        row for picture_text in picture_texts if (row := picture_text.unambiguous_entity(min_coverage)) is not None
    )


class EntityCounts:
    """Number of pictures by entity row; memory-mapped if read from a file."""

    def __init__(self, counts: npt.NDArray[np.void]) -> None:
        """`counts`: `row` and `pictures`, sorted by row, each row once."""
        self._rows, self._pictures = counts["row"], counts["pictures"]

    @classmethod
    def of(cls, counts: Counter[int]) -> "EntityCounts":
        """From counts by row."""
        return cls(np.array(sorted(counts.items()), dtype=_COUNT))

    @classmethod
    def read(cls, path: Path) -> "EntityCounts":
        """What `write` wrote; no counts at all if the file is missing."""
        return cls(np.load(path, mmap_mode="r")) if path.is_file() else cls.of(Counter())

    @classmethod
    def sum(cls, parts: Iterable["EntityCounts"]) -> "EntityCounts":
        """The sum over shards."""
        total: Counter[int] = Counter()
        for part in parts:
            total.update(dict(zip(part._rows.tolist(), part._pictures.tolist(), strict=True)))
        return cls.of(total)

    def write(self, path: Path) -> None:
        """As a numpy file."""
        counts = np.empty(len(self._rows), dtype=_COUNT)
        counts["row"], counts["pictures"] = self._rows, self._pictures
        np.save(path, counts)

    def pictures(self, rows: Sequence[int]) -> npt.NDArray[np.float64]:
        """The counts of entity rows, float64 [n]."""
        if not len(self._rows):
            return np.zeros(len(rows))
        positions = np.minimum(np.searchsorted(self._rows, rows), len(self._rows) - 1)
        return np.where(self._rows[positions] == rows, self._pictures[positions], 0).astype(np.float64)

    def candidates(
        self, rows: Sequence[int], priors: Sequence[float], knowledge: KnowledgeBase, smoothing: float
    ) -> CandidateSet:
        """A mention's candidates for disambiguation, with the priors updated by the counts."""
        return CandidateSet(knowledge.vectors(rows), updated_priors(priors, self.pictures(rows), smoothing))


def updated_priors(
    priors: Sequence[float], pictures: npt.NDArray[np.float64], smoothing: float
) -> npt.NDArray[np.float32]:
    """p' of the module's equation, float32 [n]; the prior of a single candidate is unchanged."""
    before = np.asarray(priors, dtype=np.float64)
    whole = before.sum()
    after = whole * (pictures + smoothing * before / whole) / (pictures.sum() + smoothing)
    return np.asarray(after if len(before) > 1 else before, dtype=np.float32)
