"""Texts that are a web or e-mail address."""

import re

from components.crawl.filters import PairFilter
from components.crawl.pair import Pair

_ADDRESS = re.compile(r"(?:https?://|www\.)\S+|[\w.+-]+@[\w-]+\.[\w.-]+", re.IGNORECASE)


class Address(PairFilter):
    """Drops texts that are a web or e-mail address; an address within a text is no reason."""

    order = 30

    def drops(self, pair: Pair) -> bool:
        """By a pattern that the whole text must match."""
        return _ADDRESS.fullmatch(pair.caption) is not None
