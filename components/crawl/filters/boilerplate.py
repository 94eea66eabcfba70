"""Texts that many pictures of one site share."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.crawl.filters import PartFilter


class Boilerplate(PartFilter):
    """Drops all pictures of a site that share a text, if they are more than `max_repeats`.

    Lists do not say which site a pair is from, so their pairs stay.
    """

    order = 20

    def drops(self, pairs: pa.Table) -> npt.NDArray[np.bool_]:
        """By counts of (site, text) within the part."""
        counts = pairs.group_by(["site", "caption"]).aggregate([([], "count_all")])
        most = self.parameters.max_repeats
        often = counts.filter(pc.and_(pc.greater(counts["count_all"], most), pc.not_equal(counts["site"], "")))
        repeated = set(zip(often["site"].to_pylist(), often["caption"].to_pylist(), strict=True))
        if not repeated:
            return np.zeros(len(pairs), dtype=np.bool_)
        found = zip(pairs["site"].to_pylist(), pairs["caption"].to_pylist(), strict=True)
        return np.array([pair in repeated for pair in found], dtype=np.bool_)
