"""Pictures of an entity that has more than enough."""

import numpy as np

from components.curate.filters import PictureFilter
from components.curate.hashing import mix
from components.curate.pictures import Mask
from components.curate.selection import Selection


class Surplus(PictureFilter):
    """Keeps `max_images` pictures per best entity, those with the lowest hashes; 0 disables it."""

    order = 30

    @property
    def enabled(self) -> bool:
        """Whether there is a maximum."""
        return self.parameters.max_images > 0

    def drops(self, selection: Selection) -> Mask:
        """By a hash of the picture's bytes and the seed."""
        positions, best = selection.best()
        hashes = mix(selection.pictures.digest[positions, 0], self.parameters.seed, "cap")
        order = np.lexsort((hashes, best))
        ordered = best[order]
        rank = np.arange(len(ordered)) - np.searchsorted(ordered, ordered)
        surplus = np.zeros(len(selection.here), dtype=np.bool_)
        surplus[positions[order[rank >= self.parameters.max_images]]] = True
        return surplus
