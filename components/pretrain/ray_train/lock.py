"""An exclusive lock on a training's work folder."""

import fcntl
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


@contextmanager
def work_folder_lock(work: Path, rank: int) -> Iterator[None]:
    """Holds an exclusive lock on `work` in the first worker.

    When a driver is killed and restarted at once, its old worker may still run for a moment.
    """
    if rank != 0:
        yield
        return
    with (work / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield
