"""Checkpoint stores: subfolders of a folder, or prefixes of a bucket."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from components.storage.atomic import PARTIAL, new_file, synchronise
from components.storage.location import folder_at

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 is slow to import; only buckets need it

MANIFEST = "manifest.json"
WriteFile = Callable[[Path], None]


class CheckpointStore(Protocol):
    """The files of checkpoints. Failed writes raise OSError (folders) or MofiError (buckets)."""

    def files(self) -> dict[str, dict[str, int]]:
        """Checkpoint → file → size in bytes; incomplete checkpoints are included."""

    def put(self, checkpoint: str, file: str, write: WriteFile) -> Path:
        """Calls `write` with a path, stores that file durably, and returns a local copy of it."""

    def fetch(self, checkpoint: str, file: str) -> Path:
        """A local copy of a file, valid until `drop_local_copies`."""

    def remove(self, checkpoint: str) -> None:
        """Deletes a checkpoint, its manifest first, so that it is never taken for complete."""

    def drop_local_copies(self) -> None:
        """Deletes what `put` and `fetch` copied."""


def open_store(location: Path | str, scratch: Path) -> CheckpointStore:
    """The store at a path, `file://` or `s3://` URL.

    Args:
        location: of the store.
        scratch: local folder for files on their way to or from a bucket.

    Raises:
        InputError: if the URL has another scheme, or names no bucket.
    """
    found = folder_at(location)
    return FolderStore(found) if isinstance(found, Path) else BucketStore(found, scratch)


@dataclass(frozen=True)
class FolderStore:
    """Checkpoints as subfolders of `folder`, on a disk that all workers share."""

    folder: Path

    def files(self) -> dict[str, dict[str, int]]:
        """See `CheckpointStore`."""
        listed: dict[str, dict[str, int]] = {}
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.is_dir():
                # A partial file may be renamed before `stat` sees it.
                whole = (path for path in entry.iterdir() if path.suffix != PARTIAL)
                listed[entry.name] = {path.name: path.stat().st_size for path in whole}
        return listed

    def put(self, checkpoint: str, file: str, write: WriteFile) -> Path:
        """See `CheckpointStore`."""
        target = self.folder / checkpoint / file
        with new_file(target) as partial:
            write(partial)
            synchronise(partial)
        for changed in (target.parent, self.folder):
            synchronise(changed)
        return target

    def fetch(self, checkpoint: str, file: str) -> Path:
        """The file itself."""
        return self.folder / checkpoint / file

    def remove(self, checkpoint: str) -> None:
        """See `CheckpointStore`."""
        (self.folder / checkpoint / MANIFEST).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(self.folder / checkpoint)

    def drop_local_copies(self) -> None:
        """Does nothing: no file was copied."""


@dataclass(frozen=True)
class BucketStore:
    """Checkpoints as prefixes below `bucket`; files pass through `scratch`."""

    bucket: "Prefix"
    scratch: Path

    def files(self) -> dict[str, dict[str, int]]:
        """See `CheckpointStore`."""
        listed: dict[str, dict[str, int]] = {}
        for name, version in self.bucket.versions().items():
            checkpoint, _, file = name.partition("/")
            if file:
                listed.setdefault(checkpoint, {})[file] = version.size
        return listed

    def put(self, checkpoint: str, file: str, write: WriteFile) -> Path:
        """See `CheckpointStore`."""
        copy = self._copy(checkpoint, file)
        write(copy)
        self.bucket.put(copy, f"{checkpoint}/{file}")
        return copy

    def fetch(self, checkpoint: str, file: str) -> Path:
        """See `CheckpointStore`."""
        copy = self._copy(checkpoint, file)
        if not copy.exists():
            with new_file(copy) as partial:
                self.bucket.get(f"{checkpoint}/{file}", partial)
        return copy

    def remove(self, checkpoint: str) -> None:
        """See `CheckpointStore`."""
        self.bucket.delete([f"{checkpoint}/{MANIFEST}"])
        self.bucket.delete([f"{checkpoint}/{file}" for file in self.files().get(checkpoint, {})])

    def drop_local_copies(self) -> None:
        """See `CheckpointStore`."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _copy(self, checkpoint: str, file: str) -> Path:
        (self.scratch / checkpoint).mkdir(parents=True, exist_ok=True)
        return self.scratch / checkpoint / file
