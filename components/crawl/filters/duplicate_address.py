"""Pairs whose picture has the address of another pair's."""

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from components.crawl.filters import PartFilter

_ORDER = [("homeless", "ascending"), ("page_url", "ascending"), ("position", "ascending"), ("caption", "ascending")]


class DuplicateAddress(PartFilter):
    """Keeps one pair per picture address: the first by page and position."""

    order = 10

    def drops(self, pairs: pa.Table) -> npt.NDArray[np.bool_]:
        """All but the first of each address."""
        homeless = pc.equal(pairs["page_url"], "")
        positions = pc.sort_indices(pairs.append_column("homeless", homeless), [*_ORDER, ("url", "ascending")])
        ordered = pa.table(
            {"url": pairs["url"].take(positions), "position": positions, "rank": pa.array(range(len(pairs)))}
        )
        first = ordered.group_by("url").aggregate([("rank", "min")])["rank_min"]
        gone = np.ones(len(pairs), dtype=np.bool_)
        gone[positions.take(first).to_numpy()] = False
        return gone
