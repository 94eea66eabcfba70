"""Files and folders that appear under their name whole: written next to it, then renamed.

A kill leaves the old content or the new. What it leaves half-written, the next call removes.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

from components.errors import InputError

PARTIAL = ".part"  # suffix of what is being written


@contextmanager
def new_file(path: Path, *, shared: bool = False) -> Iterator[Path]:
    """Yields the path of a file to write, which replaces `path` when the block ends without error.

    Args:
        path: its folder is made.
        shared: whether other processes, perhaps of other machines, may be writing the same file:
            then each writes under a name of its own, and the last one wins.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f"{path.name}{f'.{uuid4().hex}' if shared else ''}{PARTIAL}")
    try:
        yield partial
        partial.replace(path)
    except BaseException:
        partial.unlink(missing_ok=True)
        raise


@contextmanager
def new_folder(path: Path) -> Iterator[Path]:
    """Yields an empty folder to fill, which replaces `path` when the block ends without error.

    Raises:
        InputError: as `publish_folder` does.
    """
    partial = path.with_name(path.name + PARTIAL)
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

    `out` is filled by one rename, so it is never half of anything: a kill leaves the old content,
    the new, or none, and in each case a repeated call of the stage gives the new.

    Raises:
        InputError: if `out` holds the folder that the program works in.
    """
    out = out.resolve()  # where out is a link, what it points to is replaced
    for inside in (folder.resolve(), Path.cwd()):
        if inside.is_relative_to(out):
            raise InputError(f"{out} would be replaced with all that is in it, {inside} too; name a folder of its own")
    old, new = out.with_name(f".{out.name}.old"), out.with_name(f".{out.name}.new")
    for leftover in (old, new):
        remove(leftover)
    out.parent.mkdir(parents=True, exist_ok=True)
    if out.exists():
        out.rename(old)
    try:
        folder.rename(out)
    except OSError as error:
        if error.errno != errno.EXDEV:
            raise
        shutil.copytree(folder, new)  # from another file system
        new.rename(out)
    for rest in (old, folder):
        remove(rest)


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
