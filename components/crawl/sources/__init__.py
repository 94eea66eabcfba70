"""What the KIND of a `KIND:LOCATION` can be: one file a kind, found by its name.

A file holds one subclass of `PairSource` or of `ShardSource`. Both are split alike: each file that
a location means is read by one task, from beginning to end, so many files of moderate size go
fastest. This module imports nothing heavy, so that listing the kinds is quick.
"""

from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, ClassVar

if TYPE_CHECKING:
    from components.crawl.pair import Pair
    from components.crawl.parameters import CrawlParameters
    from components.crawl.unreadable import Unreadable
    from components.shards.reader import Picture


class Source:
    """A kind of file that a crawl can start from."""

    def check(self, location: str) -> None:
        """Refuses a file whose name already says that it cannot be read.

        Raises:
            InputError: if so.
        """


class PairSource(Source, ABC):
    """Yields pairs, whose pictures are then downloaded.

    Attributes:
        attempted: the counts (beginnings of their names, see `crawl/counts.py`) that sum to what
            was read; `max_error_share` is a share of them.
    """

    attempted: ClassVar[tuple[str, ...]] = ("pages.",)

    @abstractmethod
    def read(
        self, stream: BinaryIO, location: str, parameters: "CrawlParameters", counts: Counter[str]
    ) -> Iterator["Pair | Unreadable"]:
        """The pairs of a file, in order, and in their place what cannot be read.

        Args:
            stream: seekable, at its beginning.
            location: where the file comes from; its ending may tell the format.
            parameters: section `crawl`.
            counts: receives what became of pages and pairs.
        """


class ShardSource(Source, ABC):
    """Yields pictures that were downloaded before: each file becomes one shard of the crawl."""

    @abstractmethod
    def pictures(self, path: Path, refused: Counter[str], scratch: Path) -> Iterator["Picture"]:
        """The pictures of a file.

        Args:
            path: the file.
            refused: receives what else the file holds, by reason (`crawl/reasons.py`).
            scratch: an empty folder, for what is unpacked.

        Raises:
            InputError: where the file breaks off; the pictures before that are kept.
        """
