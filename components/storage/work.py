"""Work folders: unfinished work, named by a fingerprint of all that its result depends on.

A run claims the folders that it works in until it ends, so that a run with other parameters leaves
them alone and a second one of the same does not get in its way.
"""

import hashlib
import logging
import os
import shutil
import socket
from contextlib import suppress
from pathlib import Path
from typing import IO
from uuid import uuid4

from components.errors import InputError, SetupError
from components.section import Section
from components.storage.file_lock import lock, open_lock

logger = logging.getLogger(__name__)

WORK = Path(".work")
DROPPED = "dropped-"
_LOCKS = ".locks"
# What this process has claimed: lock file → the open file that holds the lock.
_claimed: dict[Path, IO[str]] = {}
# Of those, the ones that are only read, and the ones on disks that know no locks.
_shared: set[Path] = set()
_unlocked: set[Path] = set()


def fingerprint(*parts: object) -> str:
    """Twelve hex digits of what the result depends on.

    A section of parameters counts by its values (except those without effect), a file by its bytes,
    a folder by its files' names and bytes, anything else by its `repr`.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Section):
            digest.update(part.model_dump_json(exclude=set(part.WITHOUT_EFFECT)).encode())
        elif isinstance(part, Path):
            _digest_path(digest, part)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _digest_path(digest: "hashlib._Hash", path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is missing; run the stage that writes it (`dvc repro` runs all)")
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(f"{file.relative_to(path)}\0".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())


def work_folder(stage: str, mark: str, root: Path = WORK) -> Path:
    """`.work/STAGE/FINGERPRINT`, made and claimed until this process ends or drops it.

    Leftovers of the same stage with other parameters, inputs or code are removed, unless another
    run works on them.

    Raises:
        SetupError: if another run works on the same.
    """
    folder = (root / stage / mark).absolute()
    claim(folder)
    if folder.parent.exists():
        for other in folder.parent.iterdir():
            if other != folder:
                _drop_leftover(stage, other)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def _drop_leftover(stage: str, other: Path) -> None:
    if other.name.startswith(DROPPED):
        drop(other)
        return
    user = drop_unused(other)
    if user is None:
        logger.info("%s: parameters, inputs or code changed, so %s is dropped", stage, other)
    else:
        logger.info("%s: %s is left alone: %s works on it", stage, other, user)


def claim(folder: Path, *, shared: bool = False, wait: bool = False) -> None:
    """Marks a folder as in use by this process until it ends, drops it, or claims it again.

    Args:
        folder: need not exist.
        shared: others may claim it as shared at the same time.
        wait: for others to be done with it, instead of raising.

    Raises:
        SetupError: if another process has claimed it.
    """
    path = _lock_file(folder)
    while True:
        file = _claimed.get(path) or _opened(path)
        try:
            if not lock(file, shared=shared, wait=False):
                user = _user(path)
                if not wait:
                    if path not in _claimed:
                        file.close()
                    raise SetupError(f"{user} works on {folder}; wait until it is done, or stop it")
                logger.info("waiting for %s, which works on %s", user, folder)
                lock(file, shared=shared)
            _unlocked.discard(path)
        except OSError as error:
            logger.warning("%s cannot be locked (%s): keep other runs of the same stage away", path, error)
            _unlocked.add(path)
        if _is_current(path, file):
            break
        _claimed.pop(path, None)
        file.close()  # another process removed it in between
    file.seek(0)
    file.truncate()
    file.write(f"process {os.getpid()} of {socket.gethostname()}")
    file.flush()
    _claimed[path] = file
    (_shared.add if shared else _shared.discard)(path)


def release(folder: Path) -> None:
    """Ends this process's claim, if it has one; the lock file goes where nobody else shares it."""
    path = _lock_file(folder)
    file = _claimed.pop(path, None)
    _shared.discard(path)
    _unlocked.discard(path)
    if file is None:
        return
    with suppress(OSError):
        if lock(file, wait=False) and _is_current(path, file):
            path.unlink()
    file.close()


def drop_unused(folder: Path) -> str | None:
    """Removes a folder that nobody works on or reads; returns who does, if anyone.

    Where the disk knows no locks, nobody can tell, and nothing is removed.
    """
    path = _lock_file(folder)
    if path in _shared:
        return "this process"
    try:
        claim(folder)
    except SetupError:
        return _user(path)
    if path in _unlocked:
        release(folder)
        return "perhaps another run"
    drop(folder)
    return None


def drop(work: Path) -> None:
    """Removes unfinished work, renamed first: no kill leaves markers of files that are gone.

    A worker that outlived its driver may still write into it or clean up after itself: it finds
    nothing there, and what it creates is removed by the next `work_folder`.
    """
    gone = work.with_name(f"{DROPPED}{work.name.removeprefix(DROPPED)}-{uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        work.rename(gone)
    if gone.is_dir():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink(missing_ok=True)
    release(work)


def _lock_file(folder: Path) -> Path:
    """`.work/.locks/STAGE/FINGERPRINT` for `.work/STAGE/FINGERPRINT`."""
    folder = folder.absolute()
    return folder.parent.parent / _LOCKS / folder.parent.name / folder.name


def _opened(path: Path) -> IO[str]:
    path.parent.mkdir(parents=True, exist_ok=True)
    return open_lock(path)


def _is_current(path: Path, file: IO[str]) -> bool:
    """Whether the open file still is the one of that name."""
    try:
        return os.path.samestat(path.stat(), os.fstat(file.fileno()))
    except FileNotFoundError:
        return False


def _user(path: Path) -> str:
    with suppress(OSError):
        return path.read_text(encoding="utf-8") or "another process"
    return "another process"
