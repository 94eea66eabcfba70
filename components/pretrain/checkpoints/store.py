"""Where checkpoints lie: folders of one folder, or prefixes of a bucket. A checkpoint is found by its manifest, written last."""

import shutil
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from components.storage.atomic import PARTIAL, new_file, synchronise
from components.storage.location import folder_at

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 takes its time and memory, which only buckets are to cost

MANIFEST = "manifest.json"
Write = Callable[[Path], None]


class Depot(Protocol):
    """Files of checkpoints. What cannot be written raises OSError (folders) or MofiError (buckets)."""

    def files(self) -> dict[str, dict[str, int]]:
        """Checkpoint → its files with their bytes; half-written ones are among them."""

    def put(self, checkpoint: str, file: str, write: Write) -> Path:
        """Has `write` make a file, brings it to its place for good, and returns a local copy to be looked at at once."""

    def fetch(self, checkpoint: str, file: str) -> Path:
        """A local copy of a file, until `clean`."""

    def remove(self, checkpoint: str) -> None:
        """Deletes a checkpoint, its manifest first, so that no half is ever taken for a whole."""

    def clean(self) -> None:
        """Drops local copies."""


def depot(location: Path | str, scratch: Path) -> Depot:
    """The depot at a path, `file://` or `s3://`; files of a bucket pass through the folder `scratch` of this machine.

    Raises:
        InputError: if it is another kind of storage, or names no bucket.
    """
    found = folder_at(location)
    return FolderDepot(found) if isinstance(found, Path) else BucketDepot(found, scratch)


@dataclass(frozen=True)
class FolderDepot:
    """Checkpoints as folders of `folder`, on a disk that all workers see."""

    folder: Path

    def files(self) -> dict[str, dict[str, int]]:
        """As `Depot` has it."""
        listed: dict[str, dict[str, int]] = {}
        for entry in self.folder.iterdir() if self.folder.is_dir() else ():
            if entry.is_dir():
                # What is being written may have its name by the time it is looked at.
                whole = (path for path in entry.iterdir() if path.suffix != PARTIAL)
                listed[entry.name] = {path.name: path.stat().st_size for path in whole}
        return listed

    def put(self, checkpoint: str, file: str, write: Write) -> Path:
        """As `Depot` has it."""
        target = self.folder / checkpoint / file
        with new_file(target) as partial:
            write(partial)
            synchronise(partial)
        for changed in (target.parent, self.folder):
            synchronise(changed)
        return target

    def fetch(self, checkpoint: str, file: str) -> Path:
        """As `Depot` has it; the file itself."""
        return self.folder / checkpoint / file

    def remove(self, checkpoint: str) -> None:
        """As `Depot` has it."""
        (self.folder / checkpoint / MANIFEST).unlink(missing_ok=True)
        with suppress(FileNotFoundError):
            shutil.rmtree(self.folder / checkpoint)

    def clean(self) -> None:
        """Nothing was copied."""


@dataclass(frozen=True)
class BucketDepot:
    """Checkpoints as prefixes below `bucket`."""

    bucket: "Prefix"
    scratch: Path

    def files(self) -> dict[str, dict[str, int]]:
        """As `Depot` has it."""
        listed: dict[str, dict[str, int]] = {}
        for name, version in self.bucket.versions().items():
            checkpoint, _, file = name.partition("/")
            if file:
                listed.setdefault(checkpoint, {})[file] = version.size
        return listed

    def put(self, checkpoint: str, file: str, write: Write) -> Path:
        """As `Depot` has it."""
        copy = self._copy(checkpoint, file)
        write(copy)
        self.bucket.put(copy, f"{checkpoint}/{file}")
        return copy

    def fetch(self, checkpoint: str, file: str) -> Path:
        """As `Depot` has it."""
        copy = self._copy(checkpoint, file)
        if not copy.exists():
            with new_file(copy) as partial:
                self.bucket.get(f"{checkpoint}/{file}", partial)
        return copy

    def remove(self, checkpoint: str) -> None:
        """As `Depot` has it."""
        self.bucket.delete([f"{checkpoint}/{MANIFEST}"])
        self.bucket.delete([f"{checkpoint}/{file}" for file in self.files().get(checkpoint, {})])

    def clean(self) -> None:
        """As `Depot` has it."""
        shutil.rmtree(self.scratch, ignore_errors=True)

    def _copy(self, checkpoint: str, file: str) -> Path:
        (self.scratch / checkpoint).mkdir(parents=True, exist_ok=True)
        return self.scratch / checkpoint / file
