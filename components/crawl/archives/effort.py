"""A bound on what it may cost to read a file, whatever is in it."""

import time
from typing import BinaryIO

# What a file may cost, in bytes that are unfolded: any file, and for each of its bytes. Archives
# unfold to some ten times their size, gzip to a thousand at most, zstd to thirty thousand.
_ANY_FILE, _EACH_BYTE = 1 << 28, 1000
# What a byte costs that is read; damage lets many be read again.
_READ = 8
# Bytes that are read at a time; few, where few hold much.
_MOST, _FEWEST = 1 << 16, 1 << 12
_LONGEST_SEARCH = 1.0  # seconds of this thread


class TooCostly(Exception):
    """A file costs far more than its size explains."""


class Effort:
    """What may still be spent on a file.

    The unit is what it takes to unfold a byte, about a nanosecond.

    Attributes:
        place: the offset that reading has come to.
    """

    def __init__(self, size: int) -> None:
        self.place = 0
        self._left = _ANY_FILE + _EACH_BYTE * size

    def spend(self, units: int) -> None:
        """Counts work that was done.

        Raises:
            TooCostly: if all is spent.
        """
        self._left -= units
        if self._left < 0:
            raise TooCostly("costs far more than its size explains: a decompression bomb, or nothing but damage")


class MeasuredStream:
    """A stream whose reading is an effort, for FastWARC."""

    def __init__(self, stream: BinaryIO, effort: Effort, *, dense: bool) -> None:
        """Wraps a stream; `dense` means that few bytes of it may unfold to millions."""
        self._stream = stream
        self._effort = effort
        self._most = _FEWEST if dense else _MOST
        self._size = self._most
        self.search()

    def begin(self, offset: int) -> None:
        """Goes to an offset to search from there, and reads little at first."""
        self.seek(offset)
        self._size = _FEWEST
        self.search()

    def search(self) -> None:
        """Begins the search for a record."""
        self._searching, self._reads, self._since = True, 0, 0.0

    def found(self) -> None:
        """Ends the search: what is read now belongs to a record."""
        self._searching = False

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes.

        Raises:
            TooCostly: if all is spent, or the search takes too long.
        """
        if self._searching:
            self._check()
        data = self._stream.read(min(size, self._size) if size >= 0 else self._size)
        self._size = min(2 * self._size, self._most)
        self._effort.spend(_READ * len(data))
        return data

    def _check(self) -> None:
        """FastWARC skips blank lines silently, and millions unfold from next to nothing."""
        self._reads += 1
        if self._reads == 2:  # the clock takes long on some systems, and most searches read once at most
            self._since = time.thread_time()
        elif self._reads > 2 and time.thread_time() - self._since > _LONGEST_SEARCH:
            raise TooCostly(f"no record was found in {_LONGEST_SEARCH:g} s")

    def seek(self, offset: int, whence: int = 0) -> int:
        """As in `io`."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """As in `io`."""
        return self._stream.tell()

    def close(self) -> None:
        """Does nothing: the stream is the caller's."""
