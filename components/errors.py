"""The errors that a user can fix. Each message names the thing, the value and the fix."""

import errno
import os
import re
import shutil

from components.redaction import redact

# Exit code of a command that met an error which the user must fix; running it again does not help.
USER_ERROR = 3


class MofiError(Exception):
    """Root of all errors raised on purpose; the command line prints them without a traceback.

    Messages show URLs without passwords and signatures (`components.redaction`).
    """

    def __init__(self, *args: object) -> None:
        super().__init__(*(redact(arg) if isinstance(arg, str) else arg for arg in args))


class ParameterError(MofiError):
    """A key or value of the parameter file is wrong."""


class InputError(MofiError):
    """A file, or what stands in it, is missing or wrong."""


class SetupError(MofiError):
    """The machine is not ready: a busy port, a full disk, a missing package, no server."""


class GateRefused(MofiError):
    """A model did not pass a gate of `promote`."""


def system_code(error: OSError) -> int | None:
    """The system's number of an error (`errno`); of a copy that failed, that of the first file."""
    if not isinstance(error, shutil.Error):
        return error.errno
    found = re.search(r"\[Errno (\d+)\]", str(error))
    return int(found[1]) if found else None


def reason(error: OSError) -> str:
    """What the system says of an error, without the place."""
    code = system_code(error)
    return str(error) if code is None else os.strerror(code)


def is_full(error: OSError) -> bool:
    """Whether it is a full disk, a quota, or a limit on the size of files."""
    return system_code(error) in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)
