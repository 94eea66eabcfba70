"""An exclusive lock on a training's work folder."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from components.storage.file_lock import locked


@contextmanager
def work_folder_lock(work: Path, rank: int) -> Iterator[None]:
    """Holds an exclusive lock on `work` in the first worker.

    When a driver is killed and restarted at once, its old worker may still run for a moment.
    """
    if rank != 0:
        yield
        return
    with locked(work / "lock"):
        yield
