"""Pictures that are put aside until their shard is whole."""

from pathlib import Path
from types import TracebackType
from typing import Self


class Spool:
    """Bytes by key, in one file: a file for each would cost more than its picture takes to decode.

    One thread at a time may use it.
    """

    def __init__(self, path: Path) -> None:
        self._file = path.open("w+b")
        self._places: dict[str, tuple[int, int]] = {}
        self._end = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._file.close()

    def put(self, key: str, data: bytes) -> None:
        """Puts bytes aside."""
        self._file.seek(self._end)
        self._file.write(data)
        self._places[key] = (self._end, len(data))
        self._end += len(data)

    def get(self, key: str) -> bytes:
        """The bytes of a key that was put aside."""
        start, length = self._places[key]
        self._file.seek(start)
        return self._file.read(length)
