"""Pictures of rare entities only."""

import numpy as np

from components.curate.filters import PictureFilter
from components.curate.pictures import Mask
from components.curate.selection import Selection


class RareEntities(PictureFilter):
    """Drops pictures none of whose entities is left in the vocabulary."""

    order = 10

    def drops(self, selection: Selection) -> Mask:
        """By the labels that are left."""
        owners = selection.owners[selection.labels()]
        return np.asarray(np.bincount(owners, minlength=len(selection.here)) == 0)
