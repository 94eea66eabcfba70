"""An output has one writer at a time, and what it held stays until its successor is whole."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from components.errors import SetupError, reason
from components.storage.claims import claim_file, release_file

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

# Locks of outputs in buckets, of which only this project's runs know.
_BUCKETS = Path(".work/.locks/outputs")


@contextmanager
def writing(out: "Path | Prefix", *, wait: bool = False) -> Iterator[None]:
    """Keeps other processes from writing an output while the block runs.

    An output that a kill took away in the middle of its replacement gets its former content back.
    The lock of a folder lies next to it, so that runs of other projects see it, too.

    Args:
        out: a folder or a prefix of a bucket.
        wait: for another process to be done with it, instead of raising.

    Raises:
        SetupError: if another process writes it, or nothing can be written there.
    """
    if isinstance(out, Path):
        out = out.resolve()
        path = out.with_name(f".{out.name}.lock")
    else:
        path = _BUCKETS.absolute() / quote(str(out), safe="")
    try:
        new = claim_file(path, out, wait=wait)
        if new and isinstance(out, Path):
            restore(out)
    except OSError as error:
        raise SetupError(
            f"{out} cannot be written ({reason(error)}); make room and see that {path.parent} is a folder that you may "
            "write to, or name another place"
        ) from error
    try:
        yield
    finally:
        if new:
            release_file(path)


def former(out: Path) -> Path:
    """Where the content of an output lies while it is being replaced."""
    return out.with_name(f".{out.name}.old")


def restore(out: Path) -> None:
    """Gives an output its former content back, if it has none."""
    if former(out).exists() and not out.exists():
        former(out).rename(out)
