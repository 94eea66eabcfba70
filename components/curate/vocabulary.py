"""Which entities the data set has, which of them are held out, and which pictures are left."""

from collections import Counter
from dataclasses import dataclass

from components.curate import filters
from components.curate.filters import PictureFilter
from components.curate.format import LOST_PICTURES, TOO_FEW
from components.curate.parameters import CurateParameters
from components.curate.pictures import Mask, Pictures, Whole
from components.curate.selection import Selection
from components.errors import InputError
from components.knowledge.qid import qid_of
from components.seam import find_all


@dataclass(frozen=True)
class Vocabulary:
    """The data set's k entities.

    Attributes:
        ids: numeric Q-ids, ascending, int64 [k].
        images: pictures that show each, int64 [k].
        validation: whether each is held out, bool [k].
    """

    ids: Whole
    images: Whole
    validation: Mask

    def __len__(self) -> int:
        return len(self.ids)


@dataclass(frozen=True)
class Settled:
    """The data set's n pictures, which are held out (bool [n]), the vocabulary, drops by reason."""

    pictures: Pictures
    validation: Mask
    vocabulary: Vocabulary
    dropped_pictures: Counter[str]
    dropped_entities: Counter[str]


def picture_filters() -> dict[str, type[PictureFilter]]:
    """All filters by name, in their order."""
    return dict(sorted(find_all(filters, PictureFilter).items(), key=lambda item: (item[1].order, item[0])))


def settle(pictures: Pictures, parameters: CurateParameters) -> Settled:
    """Drops rare entities, and the pictures that a filter drops, until nothing changes.

    In the end every entity has `min_images` pictures in its split, and a picture's entities are all
    of one split.

    Raises:
        InputError: if no entity is left.
    """
    selection = Selection(pictures, parameters)
    first_counts = selection.counts()
    found = {name: kind(parameters) for name, kind in picture_filters().items()}
    asked = {name: one for name, one in found.items() if one.enabled}
    changes = True
    while changes:
        left = selection.size
        selection.drop_rare_entities()
        for name, one in asked.items():
            selection.drop(one.drops(selection), name)
        changes = selection.size != left
    if not selection.known.any():
        raise InputError(_why_empty(selection, first_counts, parameters.min_images))
    return _settled(selection, int((first_counts < parameters.min_images).sum()))


def _settled(selection: Selection, too_few: int) -> Settled:
    known, held = selection.known, selection.held()
    _, best = selection.best()
    return Settled(
        selection.pictures.keep(selection.here, selection.labels()),
        held[best],
        Vocabulary(selection.ids[known], selection.counts()[known], held[known]),
        selection.dropped,
        Counter({TOO_FEW: too_few, LOST_PICTURES: int((~known).sum()) - too_few}),
    )


def _why_empty(selection: Selection, first_counts: Whole, least: int) -> str:
    ids, most = selection.ids, int(first_counts.max(initial=0))
    found = f"{len(selection.here)} distinct labelled pictures show {len(ids)} entities"
    if not len(ids):
        return f"{found}, so the vocabulary is empty; look at the label stage's counts (metrics/label.json)"
    name = qid_of(int(ids[first_counts.argmax()]))
    if most < least:
        return (
            f"the vocabulary is empty: {found}; the most frequent, {name}, has {most} and curate.min_images asks for "
            f"{least}. Lower curate.min_images in params.yaml, or crawl more"
        )
    return (
        f"the vocabulary is empty: {found}, {name} has {most}, but too few are left after {dict(selection.dropped)}. "
        "Lower curate.min_images or curate.validation_share in params.yaml, or crawl more"
    )
