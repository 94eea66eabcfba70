"""An output has one writer at a time, who waits for its readers before it replaces anything."""

import fcntl
import logging
import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from components.errors import InputError, SetupError, reason
from components.storage.claims import claim_file, release_file

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

logger = logging.getLogger(__name__)

# What this process reads: the open folder that holds the lock → its path.
_read: dict[int, Path] = {}
# Locks of outputs in buckets, of which only this project's runs know.
_BUCKETS = Path(".work/.locks/outputs")


@contextmanager
def writing(out: "Path | Prefix", *, wait: bool = False) -> Iterator[None]:
    """Keeps other processes from writing an output while the block runs.

    An output that a kill took away in the middle of its replacement gets its former content back.
    The lock of a folder lies next to it, so that runs of other projects see it, too.

    Args:
        out: a folder or a prefix of a bucket.
        wait: for another process to be done with it, instead of raising.

    Raises:
        InputError: if more than an output would be replaced.
        SetupError: if another process writes it, or nothing can be written there.
    """
    if isinstance(out, Path):
        out = out.resolve()
        check_replaceable(out)
        path = out.with_name(f".{out.name}.lock")
    else:
        path = _BUCKETS.absolute() / quote(str(out), safe="")
    try:
        new = claim_file(path, out, wait=wait)
        if new and isinstance(out, Path):
            restore(out)
    except OSError as error:
        raise SetupError(
            f"{out} cannot be written ({reason(error)}); make room and see that {path.parent} is a folder that you may "
            "write to, or name another place"
        ) from error
    try:
        yield
    finally:
        if new:
            release_file(path)


def check_replaceable(out: Path, *inside: Path) -> None:
    """Refuses an output that is a file, or that holds what must not go when it is replaced.

    Args:
        out: the resolved path of a folder.
        inside: what must not go, in addition to the folder that the program works in.

    Raises:
        InputError: if so.
    """
    for kept in (Path.cwd(), *inside):
        if kept.resolve().is_relative_to(out):
            raise InputError(f"{out} would be replaced with all that is in it, {kept} too; name a folder of its own")
    if out.exists() and not out.is_dir():
        raise InputError(f"{out} is a file, which would be replaced; move it away, or name another folder")


@contextmanager
def reading(*folders: "Path | Prefix | str") -> Iterator[None]:
    """Keeps folders that are read from being replaced while the block runs: writers wait for it.

    What is not there, what is not a folder of this machine, and disks that know no locks are left
    out.
    """
    with ExitStack() as held:
        for folder in {
            Path(one).resolve() for one in folders if isinstance(one, (str, Path)) and "://" not in str(one)
        }:
            handle = _shared(folder)
            if handle is not None:
                _read[handle] = folder
                held.callback(_close, handle)
        yield


@contextmanager
def without_readers(out: Path) -> Iterator[None]:
    """Waits until no other process reads the content of an output; keeps others from beginning."""
    if out in _read.values() or not out.is_dir():
        yield
        return
    handle = os.open(out, os.O_RDONLY | os.O_DIRECTORY)
    try:
        _lock_alone(handle, out)
        yield
    finally:
        os.close(handle)


def _lock_alone(handle: int, out: Path) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        logger.info("waiting for a run that reads %s, which is about to be replaced", out)
        fcntl.flock(handle, fcntl.LOCK_EX)
    except OSError as error:
        logger.debug("%s cannot be locked (%s)", out, error)


def _shared(folder: Path) -> int | None:
    """An open folder that is locked for reading, and still is the one of that name."""
    while True:
        try:
            handle = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        except OSError:
            return None
        try:
            fcntl.flock(handle, fcntl.LOCK_SH)
            if os.path.samestat(folder.stat(), os.fstat(handle)):
                return handle
        except FileNotFoundError:
            logger.debug("%s was replaced just now", folder)
        except OSError as error:
            logger.debug("%s cannot be locked (%s)", folder, error)
            os.close(handle)
            return None
        os.close(handle)


def _close(handle: int) -> None:
    del _read[handle]
    os.close(handle)


def former(out: Path) -> Path:
    """Where the content of an output lies while it is being replaced."""
    return out.with_name(f".{out.name}.old")


def restore(out: Path) -> None:
    """Gives an output its former content back, if it has none."""
    if former(out).exists() and not out.exists():
        former(out).rename(out)
