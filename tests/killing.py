"""Runs a function in a process of its own that ends itself with SIGKILL just before the n-th change of the file system."""

import os
import signal
import sys
from collections.abc import Callable
from itertools import count
from multiprocessing import get_context
from typing import Any

CHANGES = frozenset({"os.rename", "os.remove", "os.rmdir", "os.mkdir", "os.link", "os.symlink", "os.truncate"})

_context = get_context("forkserver")
_context.set_forkserver_preload(["components.shard_map", "components.knowledge.build", "tests.killing"])


def killed_before(change: int, function: Callable[..., Any], *arguments: Any) -> bool:
    """Whether the process was killed; False when the function made fewer changes and so came to its end."""
    process = _context.Process(target=_until, args=(change, function, arguments))
    process.start()
    process.join()
    assert process.exitcode in (0, -signal.SIGKILL), f"the function failed before change {change}"
    return process.exitcode == -signal.SIGKILL


def _until(change: int, function: Callable[..., Any], arguments: tuple[Any, ...]) -> None:
    seen = count(1)

    def hook(event: str, details: tuple[Any, ...]) -> None:
        writes = event == "open" and isinstance(details[2], int) and details[2] & (os.O_WRONLY | os.O_RDWR)
        if (event in CHANGES or writes) and next(seen) == change:
            os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(hook)
    function(*arguments)
