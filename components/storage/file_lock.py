"""Locks between processes, by way of files (flock); a process that dies releases its locks."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

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
    with open_lock(path) as file:
        try:
            lock(file, shared=shared)
        except OSError as error:
            raise SetupError(f"{path} cannot be locked ({error}); {fix}") from error
        yield


def open_lock(path: Path) -> IO[str]:
    """The file of a lock, for reading and writing: network file systems demand one or the other."""
    return path.open("a+", encoding="utf-8")


def lock(file: IO[str], *, shared: bool = False, wait: bool = True) -> bool:
    """Locks an open file until it is closed, or turns the lock that it has into another one.

    Returns:
        Whether the lock is held; False where another process holds it and this one does not wait.

    Raises:
        OSError: if the file system knows no locks.
    """
    try:
        fcntl.flock(file, (fcntl.LOCK_SH if shared else fcntl.LOCK_EX) | (0 if wait else fcntl.LOCK_NB))
    except BlockingIOError:
        return False
    return True


def is_current(path: Path, file: IO[str]) -> bool:
    """Whether the open file still is the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False
