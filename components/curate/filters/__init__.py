"""What drops a labelled picture from the data set: one file a filter, found by its name.

The name of the file is the reason under which `metrics/curate.json` counts what the filter drops. A
file holds one subclass of `PictureFilter`. Copies of equal bytes are no filter's business: they
vote on their entities first (`curate/duplicates.py`), and a filter sees one picture for all of
them.
"""

from abc import ABC, abstractmethod
from typing import ClassVar

from components.curate.parameters import CurateParameters
from components.curate.pictures import Mask
from components.curate.selection import Selection


class PictureFilter(ABC):
    """A filter of one data set. It sees the pictures of the whole crawl at once, as columns.

    After rare entities have left the vocabulary, all filters are asked in turn, and again until
    none drops anything: what one drops can make an entity rare. So a filter must not keep state of
    its own.

    Attributes:
        order: filters are asked in ascending order, and the first that drops a picture counts it.
    """

    order: ClassVar[int]

    def __init__(self, parameters: CurateParameters) -> None:
        self.parameters = parameters

    @property
    def enabled(self) -> bool:
        """Whether the parameters want the filter; a disabled one is not asked."""
        return True

    @abstractmethod
    def drops(self, selection: Selection) -> Mask:
        """Which of the n pictures go, bool [n]; those that have gone before do not count again."""
