"""Which labelled pictures and entities are still in, while filters drop some of them."""

from collections import Counter

import numpy as np
import numpy.typing as npt

from components.curate.hashing import mix, unit
from components.curate.parameters import CurateParameters
from components.curate.pictures import Mask, Pictures, Whole


class Selection:
    """n pictures with m labels of k entities; what is dropped does not come back.

    Attributes:
        pictures: all of them.
        owners: the picture that each label is of, int64 [m].
        ids: numeric Q-ids, ascending, int64 [k].
        classes: each label's entity as a place in `ids`, int64 [m].
        here: the pictures that are still in, bool [n].
        known: the entities that are still in, bool [k].
        dropped: pictures that were dropped, by reason.
    """

    def __init__(self, pictures: Pictures, parameters: CurateParameters) -> None:
        self._parameters = parameters
        self.pictures = pictures
        self.owners = pictures.owners
        self.ids, self.classes = np.unique(pictures.entities, return_inverse=True)
        self._chance = unit(mix(self.ids.astype(np.uint64), parameters.seed, "split"))
        self.here = np.ones(len(pictures), dtype=np.bool_)
        self.known = np.ones(len(self.ids), dtype=np.bool_)
        self.dropped: Counter[str] = Counter()

    @property
    def size(self) -> tuple[int, int]:
        """Pictures and entities that are still in."""
        return int(self.here.sum()), int(self.known.sum())

    def labels(self) -> Mask:
        """The labels whose picture and entity are both in, bool [m]."""
        return np.asarray(self.here[self.owners] & self.known[self.classes])

    def counts(self) -> Whole:
        """Pictures of each entity, int64 [k]."""
        return np.bincount(self.classes[self.labels()], minlength=len(self.ids))

    def best(self) -> tuple[Whole, Whole]:
        """The pictures that are in, and the best entity of each, as a place in `ids`."""
        labels = np.flatnonzero(self.labels())
        positions, firsts = np.unique(self.owners[labels], return_index=True)
        return positions, self.classes[labels[firsts]]

    def held(self) -> Mask:
        """The entities that are held out for validation, bool [k]."""
        held = np.zeros(len(self.ids), dtype=np.bool_)
        held[self.known] = hold_out(self._chance[self.known], self._parameters.validation_share)
        return held

    def drop_rare_entities(self) -> None:
        """Drops the entities with fewer than `min_images` pictures."""
        self.known &= self.counts() >= self._parameters.min_images

    def drop(self, pictures: Mask, reason: str) -> None:
        """Drops those of the pictures that are still in, and counts them."""
        gone = self.here & pictures
        self.here &= ~gone
        self.dropped[reason] += int(gone.sum())


def hold_out(chance: npt.NDArray[np.float64], share: float) -> Mask:
    """The entities whose hash is below `share`; if both splits can have an entity, both get one.

    A Q-id is held out or not whatever else is in the data set, so a crawl that grows keeps its
    split.
    """
    held = chance < share
    if share > 0 and len(chance) > 1 and not held.any():
        held[chance.argmin()] = True
    if len(chance) and held.all():
        held[chance.argmax()] = False
    return held
