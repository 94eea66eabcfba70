"""A disk that is full from the n-th change of the file system on, in this process."""

import errno
import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.killing import CHANGES

# What takes room; renaming and removing work on a full disk.
_GROWS = (CHANGES | {"shutil.copyfile"}) - {"os.rename", "os.remove", "os.rmdir", "os.truncate"}


@dataclass
class Disk:
    """How many changes may still be made; None = any number."""

    left: int | None = None
    place: str = ""


_disk = Disk()
_hooked: list[bool] = []


@contextmanager
def full_after(changes: int, place: Path) -> Iterator[None]:
    """Below `place` there is room for so many changes while the block runs."""
    if not _hooked:
        sys.addaudithook(_refuse)  # it stays until the process ends
        _hooked.append(True)
    _disk.left, _disk.place = changes, str(place)
    try:
        yield
    finally:
        _disk.left = None


def _refuse(event: str, details: tuple[object, ...]) -> None:
    if _disk.left is None:
        return
    if event == "open":
        flags = details[2]
        if not isinstance(flags, int) or not flags & (os.O_WRONLY | os.O_RDWR):
            return
    elif event not in _GROWS:
        return
    path = str(details[1] if event == "shutil.copyfile" else details[0])
    if not path.startswith(_disk.place):
        return
    if _disk.left <= 0:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), path)
    _disk.left -= 1
