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

from components.errors import InputError
from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.linking.disambiguate import CandidateSet
from components.label.text.picture_text import PictureText
from components.storage.arrays import save_array
from components.storage.foreign.tables import read_array

ENTITY_COUNTS = "named.npy"
_FIX = "run `mofi label run` again"
# `number` is that of the Q-id: rows mean nothing in another knowledge base.
_COUNT = np.dtype([("number", "<i8"), ("pictures", "<u8")])


def count_entities(picture_texts: Iterable[PictureText], min_coverage: float, knowledge: KnowledgeBase) -> Counter[int]:
    """Number of a Q-id → number of pictures whose text names the entity unambiguously."""
    found = (picture_text.unambiguous_entity(min_coverage) for picture_text in picture_texts)
    rows = Counter(row for row in found if row is not None)
    return Counter(dict(zip(knowledge.numbers(list(rows)).tolist(), rows.values(), strict=True)))


class EntityCounts:
    """Number of pictures by the number of a Q-id; memory-mapped if read from a file."""

    def __init__(self, counts: npt.NDArray[np.void]) -> None:
        """`counts`: `number` and `pictures`, sorted by number, each number once."""
        self._numbers, self._pictures = counts["number"], counts["pictures"]

    @classmethod
    def of(cls, counts: Counter[int]) -> "EntityCounts":
        """From counts by number."""
        return cls(np.array(sorted(counts.items()), dtype=_COUNT))

    @classmethod
    def read(cls, path: Path) -> "EntityCounts":
        """What `write` wrote.

        Raises:
            InputError: if it is missing or damaged, or an earlier version wrote it.
        """
        counts = read_array(path, "V", 1, _FIX, mapped=True)
        if counts.dtype != _COUNT:
            raise InputError(f"{path} holds {counts.dtype} where {_COUNT} is needed; {_FIX}")
        return cls(counts)

    @classmethod
    def sum(cls, parts: Iterable["EntityCounts"]) -> "EntityCounts":
        """The sum over shards."""
        total: Counter[int] = Counter()
        for part in parts:
            total.update(dict(zip(part._numbers.tolist(), part._pictures.tolist(), strict=True)))
        return cls.of(total)

    def write(self, path: Path) -> None:
        """As a numpy file."""
        counts = np.empty(len(self._numbers), dtype=_COUNT)
        counts["number"], counts["pictures"] = self._numbers, self._pictures
        save_array(path, counts)

    def pictures(self, numbers: npt.NDArray[np.int64]) -> npt.NDArray[np.float64]:
        """The counts of the entities with these numbers, float64 [n]."""
        if not len(self._numbers):
            return np.zeros(len(numbers))
        positions = np.minimum(np.searchsorted(self._numbers, numbers), len(self._numbers) - 1)
        return np.where(self._numbers[positions] == numbers, self._pictures[positions], 0).astype(np.float64)

    def candidates(
        self,
        rows: Sequence[int],
        priors: Sequence[float],
        miscased: Sequence[bool],
        knowledge: KnowledgeBase,
        smoothing: float,
    ) -> CandidateSet:
        """A mention's candidates for disambiguation, with the priors updated by the counts."""
        pictures = self.pictures(knowledge.numbers(rows))
        updated = updated_priors(priors, pictures, smoothing)
        return CandidateSet(knowledge.vectors(rows), updated, np.asarray(miscased, dtype=np.float32))


def updated_priors(
    priors: Sequence[float], pictures: npt.NDArray[np.float64], smoothing: float
) -> npt.NDArray[np.float32]:
    """p' of the module's equation, float32 [n]; the prior of a single candidate is unchanged."""
    before = np.asarray(priors, dtype=np.float64)
    whole = before.sum()
    after = whole * (pictures + smoothing * before / whole) / (pictures.sum() + smoothing)
    return np.asarray(after if len(before) > 1 else before, dtype=np.float32)
