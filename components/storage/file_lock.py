"""Locks between processes, by way of files (flock); a process that dies releases its locks."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.errors import SetupError

_FIX = "put it on a file system that knows locks, such as a local disk's"


@contextmanager
def locked(path: Path, *, shared: bool = False, fix: str = _FIX) -> Iterator[None]:
    """Waits for the lock of a file and holds it.

    Args:
        path: the file, made if it is not there, whose content does not matter.
        shared: whether others may hold it at the same time, if they share it too.
        fix: for the message, where the file system knows no locks.

    Raises:
        SetupError: if the file system knows no locks, as some network file systems do not.
    """
    with _flock(path, fcntl.LOCK_SH if shared else fcntl.LOCK_EX, fix):
        yield


@contextmanager
def try_locked(path: Path, *, shared: bool = False, fix: str = _FIX) -> Iterator[bool]:
    """Yields whether the lock was free, in which case it is held, without waiting; see `locked`."""
    with _flock(path, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | fcntl.LOCK_NB, fix) as held:
        yield held


@contextmanager
def _flock(path: Path, operation: int, fix: str) -> Iterator[bool]:
    # For reading and writing: network file systems demand one for shared locks, one for others.
    with path.open("a+") as file:
        try:
            fcntl.flock(file, operation)
            held = True
        except BlockingIOError:
            held = False
        except OSError as error:
            raise SetupError(f"{path} cannot be locked ({error}); {fix}") from error
        yield held
