"""Texts with fewer than `min_text` characters."""

from components.crawl.filters import PairFilter
from components.crawl.pair import Pair


class TooShort(PairFilter):
    """Drops texts with fewer than `min_text` characters."""

    order = 10

    def drops(self, pair: Pair) -> bool:
        """By the number of code points."""
        return len(pair.caption) < self.parameters.min_text
