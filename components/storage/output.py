"""An output has one writer at a time, who waits for its readers before it replaces anything."""

import fcntl
import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from components.errors import InputError, SetupError, reason
from components.storage.claims import claim_file, release_file
from components.storage.layout import WORK, Layout, check_inputs, check_not_work, check_own

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

logger = logging.getLogger(__name__)

# What this process reads: the open folder that holds the lock → its path.
_read: dict[int, Path] = {}
# Locks of outputs in buckets, of which only this project's runs know.
_BUCKETS = WORK / ".locks/outputs"


@contextmanager
def output(
    out: "Path | Prefix",
    layout: Layout,
    reads: "Iterable[Path | Prefix | str | None]" = (),
    *,
    wait: bool = False,
) -> Iterator[None]:
    """The output of a command, and what it is made from, while the block runs.

    Before anything else is done it is refused to replace what no earlier run wrote, or to change
    an input. For the rest see `writing` and `reading`.

    Args:
        out: a folder or a prefix of a bucket.
        layout: of what the command writes.
        reads: inputs; those that are not on this machine are left out.
        wait: see `writing`.

    Raises:
        InputError: if something else than an earlier output would be replaced.
        SetupError: as `writing` does.
    """
    given = [one for one in reads if one is not None]
    inputs = [Path(one) if isinstance(one, str) else one for one in given if "://" not in str(one)]
    if isinstance(out, Path):
        check_replaceable(out.resolve())
    check_inputs(out, inputs)
    check_not_work(out)
    check_own(out, layout)
    with writing(out, wait=wait), reading(*(one for one in inputs if isinstance(one, Path))):
        yield


@contextmanager
def writing(out: "Path | Prefix", *, whole: bool = True, wait: bool = False) -> Iterator[None]:
    """Keeps other processes from writing an output while the block runs.

    An output that a kill took away in the middle of its replacement gets its former content back.
    The lock of a folder lies next to it, so that runs of other projects see it, too.

    Args:
        out: a folder or a prefix of a bucket.
        whole: whether all that is in a folder is replaced, not only some files.
        wait: for another process to be done with it, instead of raising.

    Raises:
        InputError: if more than an output would be replaced.
        SetupError: if another process writes it, or nothing can be written there.
    """
    if isinstance(out, Path):
        out = out.resolve()
        if whole:
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
def reading(*inputs: "Path | Prefix | str | None") -> Iterator[None]:
    """Keeps what is read from being replaced while the block runs: writers wait for it.

    A folder is locked, and the one that holds it, which may be replaced in parts, as the sample is;
    of a file, the folder that holds it. An input that a kill took away in the middle of its
    replacement gets its former content back. What is not there, what is not on this machine, and
    disks that know no locks are left out.
    """
    local = {Path(one).resolve() for one in inputs if isinstance(one, (str, Path)) and "://" not in str(one)}
    folders = local | {path.parent for path in local}
    with ExitStack() as held:
        for folder in sorted(folders):  # in the order in which writers lock
            handle = _shared(folder)
            if handle is not None:
                _read[handle] = folder
                held.callback(_close, handle)
        yield


@contextmanager
def without_readers(out: Path) -> Iterator[None]:
    """Waits until no other process reads the content of an output; keeps others from beginning."""
    if out in _read.values() or not out.is_dir():
        yield  # for itself a process does not wait
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
        except FileNotFoundError:
            if not _restored(folder):
                return None
            continue
        except OSError:  # no folder, or one that may not be read
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


def _restored(folder: Path) -> bool:
    """Whether a missing folder is back: one that is being replaced, or whose replacement died."""
    with suppress(SetupError, OSError):  # also of a place that may not be looked into
        if former(folder).is_dir() and not folder.exists():
            with writing(folder, wait=True):
                logger.debug("%s was being replaced", folder)
        return folder.is_dir()
    return False


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
