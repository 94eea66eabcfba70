"""Which entities the data set has, which of them are held out, and which pictures are left."""

from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.curate.format import BOTH_SPLITS, LOST_PICTURES, RARE, SURPLUS, TOO_FEW
from components.curate.hashing import mix, unit
from components.curate.parameters import CurateParameters
from components.curate.pictures import Mask, Pictures, Whole
from components.errors import InputError
from components.knowledge.qid import qid_of


@dataclass(frozen=True)
class Vocabulary:
    """The data set's k entities by numeric Q-id: ids int64 [k], pictures that show each int64 [k], and who is held out bool [k]."""

    ids: Whole
    images: Whole
    validation: Mask

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Settled:
    """The data set's n pictures, their split (bool [n], True = validation), its vocabulary, and what was dropped by reason."""

    pictures: Pictures
    validation: Mask
    vocabulary: Vocabulary
    dropped_pictures: Counter[str]
    dropped_entities: Counter[str]


def settle(pictures: Pictures, parameters: CurateParameters) -> Settled:
    """Drops rare entities, pictures of both splits and surplus pictures until nothing changes; what is dropped stays so.

    In the end every entity has `min_images` pictures in its split, and a picture's entities are all of one split.

    Raises:
        InputError: if no entity is left.
    """
    selection = _Selection(pictures, parameters)
    changes = True
    while changes:
        left = selection.size
        selection.drop_rare_entities()
        selection.drop_unnamed_pictures()
        selection.hold_out()
        selection.drop_mixed_pictures()
        if parameters.max_images:
            selection.drop_surplus_pictures()
        changes = selection.size != left
    return selection.result()


def hold_out(chance: npt.NDArray[np.float64], share: float) -> Mask:
    """The entities whose hash lies below `share`; where both splits can have an entity, neither is left empty.

    So a Q-id is held out or not whatever else is in the data set, and a grown crawl keeps the split. (A tenth is meant of many.)
    """
    held = chance < share
    if share > 0 and len(chance) > 1 and not held.any():
        held[chance.argmin()] = True
    if len(chance) and held.all():
        held[chance.argmax()] = False
    return held


class _Selection:
    """Who is still in: pictures (`here` [n]) and entities (`known` [k]); each step drops some, none brings any back."""

    def __init__(self, pictures: Pictures, parameters: CurateParameters) -> None:
        self._pictures = pictures
        self._parameters = parameters
        self._owners = pictures.owners
        self._ids, self._classes = np.unique(pictures.entities, return_inverse=True)
        self._chance = unit(mix(self._ids.astype(np.uint64), parameters.seed, "split"))
        self._here = np.ones(len(pictures), dtype=np.bool_)
        self._known = np.ones(len(self._ids), dtype=np.bool_)
        self._held = np.zeros(len(self._ids), dtype=np.bool_)
        self._first_counts = self._counts()
        self._pictures_by: Counter[str] = Counter()

    @property
    def size(self) -> tuple[int, int]:
        """Pictures and entities that are still in."""
        return int(self._here.sum()), int(self._known.sum())

    def drop_rare_entities(self) -> None:
        self._known &= self._counts() >= self._parameters.min_images

    def drop_unnamed_pictures(self) -> None:
        named = np.bincount(self._owners[self._labels()], minlength=len(self._here)) > 0
        self._drop(~named, RARE)

    def hold_out(self) -> None:
        self._held[:] = False
        self._held[self._known] = hold_out(self._chance[self._known], self._parameters.validation_share)

    def drop_mixed_pictures(self) -> None:
        labels = self._labels()
        owners, held = self._owners[labels], self._held[self._classes[labels]]
        count = len(self._here)
        mixed = (np.bincount(owners[held], minlength=count) > 0) & (np.bincount(owners[~held], minlength=count) > 0)
        self._drop(mixed, BOTH_SPLITS)

    def drop_surplus_pictures(self) -> None:
        """Of more than `max_images` pictures with the same best entity, those with the lowest hashes stay."""
        positions, best = self._best()
        hashes = mix(self._pictures.digest[positions, 0], self._parameters.seed, "cap")
        order = np.lexsort((hashes, best))
        ordered = best[order]
        rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
        surplus = np.zeros(len(self._here), dtype=np.bool_)
        surplus[positions[order[rank >= self._parameters.max_images]]] = True
        self._drop(surplus, SURPLUS)

    def result(self) -> Settled:
        if not self._known.any():
            raise InputError(self._why_empty())
        vocabulary = Vocabulary(self._ids[self._known], self._counts()[self._known], self._held[self._known])
        _, best = self._best()
        too_few = int((self._first_counts < self._parameters.min_images).sum())
        lost = int((~self._known).sum()) - too_few
        return Settled(
            self._pictures.keep(self._here, self._labels()),
            self._held[best],
            vocabulary,
            self._pictures_by,
            Counter({TOO_FEW: too_few, LOST_PICTURES: lost}),
        )

    def _labels(self) -> Mask:
        """The labels whose picture and entity are both in, bool [m]."""
        return self._here[self._owners] & self._known[self._classes]

    def _counts(self) -> Whole:
        """Pictures of each entity, int64 [k]."""
        return np.bincount(self._classes[self._labels()], minlength=len(self._ids))

    def _best(self) -> tuple[Whole, Whole]:
        """The pictures that are in, and the class of the best entity of each."""
        labels = np.flatnonzero(self._labels())
        positions, firsts = np.unique(self._owners[labels], return_index=True)
        return positions, self._classes[labels[firsts]]

    def _drop(self, pictures: Mask, reason: str) -> None:
        gone = self._here & pictures
        self._here &= ~gone
        self._pictures_by[reason] += int(gone.sum())

    def _why_empty(self) -> str:
        most, least = int(self._first_counts.max(initial=0)), self._parameters.min_images
        found = f"{len(self._here)} distinct labelled pictures show {len(self._ids)} entities"
        if not len(self._ids):
            return f"{found}, so the vocabulary is empty; look at the label stage's counts (metrics/label.json)"
        name = qid_of(int(self._ids[self._first_counts.argmax()]))
        if most < least:
            return (
                f"the vocabulary is empty: {found}; the most frequent, {name}, has {most} and curate.min_images asks for "
                f"{least}. Lower curate.min_images in params.yaml, or crawl more"
            )
        return (
            f"the vocabulary is empty: {found}, {name} has {most}, but too few are left after {dict(self._pictures_by)}. "
            "Lower curate.min_images or curate.validation_share in params.yaml, or crawl more"
        )
