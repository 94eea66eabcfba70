"""A spool file for pictures whose shard is not complete yet."""

from pathlib import Path
from types import TracebackType
from typing import Self


class Spool:
    """Bytes by key in one file: one file per picture would cost more than decoding it.

    Not thread-safe.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._extents: dict[str, tuple[int, int]] = {}
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, key: str, data: bytes) -> None:
        """Appends the bytes of a key."""
        self._file.seek(self._end)
        self._file.write(data)
        self._extents[key] = (self._end, len(data))
        self._end += len(data)

    def get(self, key: str) -> bytes:
        """The bytes of a key."""
        start, length = self._extents[key]
        self._file.seek(start)
        return self._file.read(length)
