"""Looks at other processes, any of which may end between being listed and being asked."""

import psutil


def command_line(process: psutil.Process) -> str:
    """Its words with spaces between; empty once it has ended."""
    try:
        return " ".join(process.cmdline())
    except psutil.NoSuchProcess:
        return ""


def has_ended(pid: int) -> bool:
    """Whether no process has this number, or one that only waits for its parent to take note."""
    try:
        return bool(psutil.Process(pid).status() == psutil.STATUS_ZOMBIE)
    except psutil.NoSuchProcess:
        return True
