"""The pictures of a cache that a recipe trains on, with their classes, and counts of the others."""

import logging
from collections import Counter
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from components.errors import InputError
from components.pretrain.data.picture_cache import DecodedPictures
from components.pretrain.data.usable_pictures import NO_CLASS
from components.pretrain.data.vocabulary import Vocabulary, check_labels
from components.pretrain.recipes import Recipe

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class Samples:
    """Usable pictures of a cache.

    Attributes:
        pictures: the cache.
        positions: int64 [n], in the cache.
        classes: int64 [n, k], padded with -1; None for recipes without labels.
        vocabulary: the classes, if there are any.
        dropped: unusable pictures, by reason.
    """

    pictures: DecodedPictures
    positions: npt.NDArray[np.int64]
    classes: npt.NDArray[np.int64] | None
    vocabulary: Vocabulary | None
    dropped: Counter[str]

    def __len__(self) -> int:
        return len(self.positions)


def select_samples(pictures: DecodedPictures, recipe: Recipe, vocabulary: Vocabulary | None) -> Samples:
    """Keeps the pictures that the recipe can use: with a known class, or with an alt text.

    Raises:
        InputError: if none is left, or more than `max_error_share` have no class, which means that
            shards and vocabulary do not match.
    """
    dropped = Counter(pictures.left_out)
    if vocabulary is None:
        keep = [i for i, text in enumerate(pictures.alt_texts) if text.strip()]
        dropped["no_alt_text"] = len(pictures) - len(keep)
        classes = None
    else:
        index = {entity: number for number, entity in enumerate(vocabulary.entity_ids)}
        known = [[index[e] for e in entities if e in index] for entities in pictures.entities]
        keep = [i for i, numbers in enumerate(known) if numbers]
        dropped["no_class"] = len(pictures) - len(keep)
        classes = _pad([known[i] for i in keep])
        foreign = next(
            (entities for entities, numbers in zip(pictures.entities, known, strict=True) if not numbers), []
        )
        if keep:
            example = f" (one shows {', '.join(foreign) or 'none at all'})"
            check_labels(dropped["no_class"], len(pictures), recipe.parameters.max_error_share, example)
    if not keep:
        raise InputError(f"no picture is left for the recipe {recipe.name} ({dict(dropped)}); check the previous stage")
    return Samples(pictures, np.array(keep, dtype=np.int64), classes, vocabulary, +dropped)


def _pad(lists: list[list[int]]) -> npt.NDArray[np.int64]:
    padded = np.full((len(lists), max(map(len, lists), default=1)), NO_CLASS, dtype=np.int64)
    for row, numbers in zip(padded, lists, strict=True):
        row[: len(numbers)] = numbers
    return padded
