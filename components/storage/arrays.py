"""Arrays in NumPy's format, and others' files, written so that a full disk is named as such.

NumPy and marisa-trie forget what the system answered, and a mapped file for which the disk has no
room ends the whole process as soon as a page of it is written.
"""

import errno
import os
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

import numpy as np
import numpy.typing as npt

# What file systems answer that cannot keep room for a file.
_CANNOT_RESERVE = (errno.EINVAL, errno.EOPNOTSUPP, errno.ENOSYS, errno.ENODEV)
_NO_ROOM = 2**20  # free bytes below which a write that failed is taken to have failed for them


def save_array(path: Path, array: npt.NDArray[Any]) -> None:
    """Like `np.save`.

    Raises:
        OSError: with the system's reason, which `np.save` leaves out.
    """
    header = np.lib.format.header_data_from_array_1_0(array)
    with path.open("wb") as file:
        np.lib.format.write_array_header_1_0(file, header)
        write_rows(file, array.T if header["fortran_order"] else array)


def write_rows(file: IO[bytes], rows: npt.NDArray[Any]) -> None:
    """Like `rows.tofile(file)`.

    Raises:
        OSError: with the system's reason.
    """
    file.write(np.ascontiguousarray(rows).reshape(-1).view(np.uint8).data)


def new_array(path: Path, dtype: npt.DTypeLike, shape: tuple[int, ...]) -> "np.memmap[Any, Any]":
    """A mapped file of zeros, for which the disk has room.

    Raises:
        OSError: if it has none.
    """
    array = np.lib.format.open_memmap(path, "w+", dtype, shape)
    with path.open("r+b") as file:
        _reserve(file)
    return array


def _reserve(file: IO[bytes]) -> None:
    if not hasattr(os, "posix_fallocate"):  # macOS
        return
    try:
        os.posix_fallocate(file.fileno(), 0, os.fstat(file.fileno()).st_size)
    except OSError as error:
        if error.errno not in _CANNOT_RESERVE:
            raise OSError(error.errno, os.strerror(error.errno or 0), str(file.name)) from None


@contextmanager
def written_by(library: str, path: Path) -> Iterator[None]:
    """What a library cannot write becomes an error of the system's.

    Args:
        library: begins the name of the module whose errors are meant, or their text.
        path: what it writes.

    Raises:
        OSError: instead of a RuntimeError of the library.
    """
    try:
        yield
    except RuntimeError as error:
        if not str(error).startswith(library):
            raise
        code = errno.ENOSPC if shutil.disk_usage(path.parent).free < _NO_ROOM else errno.EIO
        raise OSError(code, os.strerror(code), str(path)) from error
