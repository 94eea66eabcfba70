"""Files and folders that appear under their name whole: written next to it, then renamed.

A kill leaves the old content or the new. What it leaves half-written, the next call removes.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from components.errors import SetupError, reason
from components.storage.exchange import exchange
from components.storage.file_lock import is_current, lock, open_lock
from components.storage.output import check_replaceable, former, restore, without_readers, writing

PARTIAL = ".part"  # suffix of what is being written


@contextmanager
def new_file(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Yields the path of a file to write, which replaces `path` when the block ends without error.

    Of two processes that write the same file at once, the last one wins.

    Args:
        path: its folder is made.
        shared: whether processes of other machines may be writing the same file: then each writes
            under a name of its own.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + PARTIAL)
    with _own(partial, shared) as partial:
        try:
            yield partial
            partial.replace(path)
        except BaseException:
            partial.unlink(missing_ok=True)
            raise


@contextmanager
def _own(partial: Path, shared: bool) -> Iterator[Path]:
    """The usual name of what is being written, or one that nobody else writes under."""
    other = partial.with_name(f"{partial.stem}.{uuid4().hex}{PARTIAL}")
    if shared:
        yield other
        return
    with open_lock(partial) as file:
        free = True
        with suppress(OSError):  # a disk that knows no locks
            free = lock(file, wait=False) and is_current(partial, file)
        yield partial if free else other


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder to fill, which replaces `path` when the block ends without error.

    Raises:
        InputError, SetupError: as `publish_folder` does.
    """
    partial = path.with_name(path.name + PARTIAL)
    with writing(path, wait=True):
        remove(partial)
        partial.mkdir(parents=True)
        try:
            yield partial
            publish_folder(partial, path)
        except BaseException:
            remove(partial)
            raise


def publish_folder(folder: Path, out: Path) -> None:
    """Makes `folder` the content of `out`, replacing what was there; `folder` is gone afterwards.

    A kill leaves the old content or the new, never half of anything, and in either case a repeated
    call of the stage gives the new. Where the disk cannot swap two folders in one step, a kill may
    leave nothing in `out`; its next reader or writer restores the old content. From another file
    system the new content is copied first, while the old one stays.

    Raises:
        InputError: if `out` is a file, or holds `folder` or the folder that the program works in.
        SetupError: if nothing can be written there, or a copy does not fit on its disk.
    """
    out = out.resolve()  # where out is a link, what it points to is replaced
    check_replaceable(out, folder)
    with writing(out, wait=True):
        new = out.with_name(f".{out.name}.new")
        for leftover in (former(out), new):
            remove(leftover)
        if not _rename(folder, new, out):
            _copy(folder, new)  # from another file system
            with without_readers(out):
                _replace(new, out)
        for rest in (former(out), new, folder):  # one of the first two is the old content
            remove(rest)


def _rename(folder: Path, new: Path, out: Path) -> bool:
    """Replaces `out` if `folder` is on the same disk; what is finished stays if that is refused.

    The new content passes through the name `new`, where a kill may leave the old content, so that a
    work folder never holds another result than its own.
    """
    with without_readers(out):
        try:
            folder.rename(new)
        except OSError as error:
            if error.errno != errno.EXDEV:
                raise
            return False
        try:
            _replace(new, out)
        except OSError:
            new.rename(folder)
            raise
    return True


def _replace(new: Path, out: Path) -> None:
    if not out.exists():
        new.rename(out)
    elif not exchange(new, out):
        out.rename(former(out))
        try:
            new.rename(out)
        except OSError:
            restore(out)
            raise


def _copy(folder: Path, new: Path) -> None:
    try:
        shutil.copytree(folder, new)
    except OSError as error:  # shutil.Error among them, which lists every file
        remove(new)
        free = shutil.disk_usage(new.parent).free // 1024**2
        raise SetupError(
            f"{folder} cannot be copied to {new.parent} ({reason(error)}; {free} MiB free there); make room for it and run "
            "it again: what is finished is kept, and so is the former result"
        ) from error


def remove(path: Path) -> None:
    """Removes a file, a link or a whole folder, if it is there."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink(missing_ok=True)


def synchronise(path: Path) -> None:
    """Returns when a file or a folder is on disk."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
