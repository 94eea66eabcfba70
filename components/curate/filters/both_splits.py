"""Pictures that show entities of both splits."""

import numpy as np

from components.curate.filters import PictureFilter
from components.curate.pictures import Mask
from components.curate.selection import Selection


class BothSplits(PictureFilter):
    """Drops pictures of which some entities are for training and some are held out."""

    order = 20

    def drops(self, selection: Selection) -> Mask:
        """By the entities that are held out of the present vocabulary."""
        labels = selection.labels()
        owners, held = selection.owners[labels], selection.held()[selection.classes[labels]]
        count = len(selection.here)
        return np.asarray(
            (np.bincount(owners[held], minlength=count) > 0) & (np.bincount(owners[~held], minlength=count) > 0)
        )
