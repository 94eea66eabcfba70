"""Claims: which process works on a folder, in lock files that others can read.

A claim ends with its process, however that ends.
"""

import logging
import os
import re
import socket
import sys
from contextlib import suppress
from datetime import datetime
from itertools import takewhile
from pathlib import Path
from typing import IO

from components.errors import SetupError
from components.storage.file_lock import is_current, lock, open_lock

logger = logging.getLogger(__name__)

_LOCKS = ".locks"
_WORD = re.compile(r"[a-z]+(-[a-z]+)*")
# What this process has claimed: lock file → the open file that holds the lock.
_claimed: dict[Path, IO[str]] = {}
# Of those, the ones on disks that know no locks.
_unlocked: set[Path] = set()


def claim(folder: Path, *, shared: bool = False, wait: bool = False) -> None:
    """Marks a folder as in use by this process until it ends, drops it, or claims it again.

    Args:
        folder: need not exist.
        shared: others may claim it as shared at the same time.
        wait: for others to be done with it, instead of raising.

    Raises:
        SetupError: if another process has claimed it.
    """
    claim_file(lock_file(folder), folder, shared=shared, wait=wait)


def release(folder: Path) -> None:
    """Ends this process's claim, if it has one."""
    release_file(lock_file(folder))


def lock_file(folder: Path) -> Path:
    """`.work/.locks/STAGE/FINGERPRINT` for `.work/STAGE/FINGERPRINT`."""
    folder = folder.absolute()
    return folder.parent.parent / _LOCKS / folder.parent.name / folder.name


def claim_file(path: Path, thing: object, *, shared: bool = False, wait: bool = False) -> bool:
    """Claims by a lock file; see `claim`.

    Args:
        path: the lock file.
        thing: what it stands for, in messages.
        shared: see `claim`.
        wait: see `claim`.

    Returns:
        Whether the claim is new; False where this process had it before.

    Raises:
        SetupError: if another process has claimed it.
        OSError: if the lock file cannot be made.
    """
    known = path in _claimed
    while True:
        file = _claimed.get(path) or _opened(path)
        try:
            if not lock(file, shared=shared, wait=False):
                who = user(path)
                if not wait:
                    if path not in _claimed:
                        file.close()
                    raise SetupError(f"{who} works on {thing}; wait until it is done, or stop it")
                logger.info("waiting for %s, which works on %s", who, thing)
                lock(file, shared=shared)
            _unlocked.discard(path)
        except OSError as error:
            logger.warning("%s cannot be locked (%s): keep other runs of the same stage away", path, error)
            _unlocked.add(path)
        if is_current(path, file):
            break
        _claimed.pop(path, None)
        file.close()  # another process removed it in between
    if _claimed.get(path) is not file:
        with suppress(OSError):  # on a full disk the lock holds without a name
            file.seek(0)
            file.truncate()
            file.write(f"process {os.getpid()} of {socket.gethostname()} ({_command()})")
            file.flush()
    _claimed[path] = file
    return not known


def release_file(path: Path) -> None:
    """Ends this process's claim, if it has one; the lock file goes where nobody else shares it."""
    file = _claimed.pop(path, None)
    _unlocked.discard(path)
    if file is None:
        return
    with suppress(OSError):
        if lock(file, wait=False) and is_current(path, file):
            path.unlink()
    with suppress(OSError):  # what a full disk could not take is lost
        file.close()


def is_own(folder: Path) -> bool:
    """Whether this process has claimed the folder."""
    return lock_file(folder) in _claimed


def is_certain(folder: Path) -> bool:
    """Whether this process's claim keeps others away; False on a disk that knows no locks."""
    path = lock_file(folder)
    return path in _claimed and path not in _unlocked


def user(path: Path) -> str:
    """Who holds a lock file, for messages."""
    with suppress(OSError, UnicodeDecodeError):
        return path.read_text(encoding="utf-8") or "another process"
    return "another process"


def _command() -> str:
    """The command without its arguments, which may hold a password, and when it began."""
    words = takewhile(_WORD.fullmatch, sys.argv[1:3])
    now = datetime.now().astimezone().isoformat(sep=" ", timespec="seconds")
    return f"{' '.join([Path(sys.argv[0]).name, *words])}, since {now}"


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return open_lock(path)
