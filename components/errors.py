"""The errors that a user can mend. Each message names the thing, the value and the mend."""

# Exit code of a command that met an error which the user must fix; running it again does not help.
USER_ERROR = 3


class MofiError(Exception):
    """Root of every error that this project raises on purpose; the command line prints it without a traceback."""


class ParameterError(MofiError):
    """A key or value of the parameter file is wrong."""


class InputError(MofiError):
    """A file, or what stands in it, is missing or wrong."""


class SetupError(MofiError):
    """The machine is not ready: a port is busy, a disk is full, a server does not answer, a package is missing."""


class GateRefused(MofiError):
    """A model did not pass a gate of `promote`."""
