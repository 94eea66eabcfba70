"""What drops a pair before its picture is downloaded: one file a filter, found by its name.

The name of the file is the reason under which `metrics/crawl.json` counts what the filter drops. A
file holds one subclass of `PairFilter` or, if one pair does not tell enough, of `PartFilter`.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

import numpy as np
import numpy.typing as npt
import pyarrow as pa

from components.crawl.pair import Pair
from components.crawl.parameters import CrawlParameters


class Filter(ABC):
    """A filter of one crawl.

    Attributes:
        order: filters are asked in ascending order, and the first that drops a pair counts it.
    """

    order: ClassVar[int]

    def __init__(self, parameters: CrawlParameters) -> None:
        self.parameters = parameters

    @property
    def enabled(self) -> bool:
        """Whether the parameters want the filter; a disabled one is not asked."""
        return True


class PairFilter(Filter):
    """Judges a pair by itself, where a source yields it: without state, one pair in memory."""

    @abstractmethod
    def drops(self, pair: Pair) -> bool:
        """Whether the pair goes."""


class PartFilter(Filter):
    """Judges pairs by each other, when those of all sources are gathered.

    It sees a part of the crawl at a time, some `part_pairs` pairs in memory: all pairs whose
    pictures are on the same hosts, from whatever source and page they come.
    """

    @abstractmethod
    def drops(self, pairs: pa.Table) -> npt.NDArray[np.bool_]:
        """Which of n pairs go, bool [n]. The columns are those of `pair_files.PAIRS_SCHEMA`."""
