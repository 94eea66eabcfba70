"""Two folders of one disk swap their names in one step, where the system can do that (Linux)."""

import ctypes
import errno
import os
from pathlib import Path

_EXCHANGE, _HERE = 2, -100  # RENAME_EXCHANGE, AT_FDCWD
_renameat2 = getattr(ctypes.CDLL(None, use_errno=True), "renameat2", None)
# What some file systems answer, as network ones do.
_UNKNOWN = (errno.EINVAL, errno.ENOSYS, errno.EOPNOTSUPP, errno.EXDEV)


def exchange(one: Path, other: Path) -> bool:
    """Swaps two names at once: nobody sees a moment in which either is missing.

    Returns:
        Whether that was done; False where the system or the file system cannot.

    Raises:
        OSError: if it can, and refuses.
    """
    if _renameat2 is None:
        return False
    if _renameat2(_HERE, os.fsencode(one), _HERE, os.fsencode(other), _EXCHANGE) == 0:
        return True
    code = ctypes.get_errno()
    if code in _UNKNOWN:
        return False
    raise OSError(code, os.strerror(code), str(one), None, str(other))
