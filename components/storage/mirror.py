"""A folder in a bucket of which every machine that reads it keeps a copy.

This is for files that are memory-mapped, or read again and again.
"""

import logging
import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from components.errors import InputError
from components.storage.atomic import new_folder
from components.storage.file_lock import locked
from components.storage.work import WORK, fingerprint

if TYPE_CHECKING:
    from components.storage.s3 import Prefix, Version  # boto3 is slow to load; only buckets need it

logger = logging.getLogger(__name__)

# A machine's own folder for copies, where `.work` is a disk that all machines share.
CACHE_VARIABLE = "MOFI_MIRROR"


@dataclass(frozen=True)
class Mirror:
    """What lay under a prefix when a stage looked there; small, so that every task carries it.

    Attributes:
        prefix: of the bucket.
        mark: of the objects' names, sizes and ETags (`mark_of`).
        cache: folder that holds the copies, unless a machine's `MOFI_MIRROR` names another.
        only: patterns of the names that are copied; one without a slash is for names without one.
    """

    prefix: "Prefix"
    mark: str
    cache: Path
    only: tuple[str, ...] = ()

    @classmethod
    def of(
        cls, prefix: "Prefix", holds: str, fix: str, cache: Path = WORK / "mirror", only: tuple[str, ...] = ()
    ) -> "Mirror":
        """Looks at a prefix.

        Raises:
            InputError: if there is no object `holds`, with `fix`; or if the bucket refuses.
            SetupError: if its server does not answer.
        """
        versions = prefix.versions()
        if holds not in versions:
            raise InputError(f"{prefix} holds no {holds}; {fix}, and check the bucket and the prefix")
        return cls(prefix, mark_of(versions), cache.absolute(), only)

    def folder(self) -> Path:
        """The whole copy on this machine, made by the first process that asks while others wait.

        Copies of what lay under the prefix earlier are removed.

        Raises:
            InputError: if other objects lie there now, or the bucket refuses.
            SetupError: if its server fails again and again.
        """
        cache = Path(os.environ.get(CACHE_VARIABLE) or self.cache) / fingerprint(str(self.prefix))
        copy = cache / self.mark
        if copy.is_dir():
            return copy
        cache.mkdir(parents=True, exist_ok=True)
        with locked(cache / "lock", fix=f"set {CACHE_VARIABLE} to a folder of a local disk"):
            if not copy.is_dir():
                for other in cache.iterdir():
                    if other.is_dir():
                        shutil.rmtree(other)  # also what a killed process left
                with new_folder(copy) as unfinished:
                    self._download(unfinished)
        return copy

    def _download(self, folder: Path) -> None:
        versions = self.prefix.versions()
        names = [name for name in file_names(versions, self.prefix) if not self.only or matches(name, self.only)]
        logger.info("%s: %d MB are copied", self.prefix, sum(versions[name].size for name in names) // 1_000_000)
        for name in names:
            file = folder / name
            file.parent.mkdir(parents=True, exist_ok=True)
            self.prefix.get(name, file)
        self.check_unchanged()

    def check_unchanged(self) -> None:
        """Raises InputError if other objects lie under the prefix by now, or the bucket refuses."""
        check_unchanged(self.prefix, self.mark, self.prefix.versions())


def local(folder: Path | Mirror) -> Path:
    """A folder on this machine; raises as `Mirror.folder` does."""
    return folder if isinstance(folder, Path) else folder.folder()


def matches(name: str, patterns: Iterable[str]) -> bool:
    """Whether a file's name matches a pattern as deep as it lies."""
    return any(fnmatchcase(name, pattern) and name.count("/") == pattern.count("/") for pattern in patterns)


def mark_of(versions: "Mapping[str, Version]") -> str:
    """Hex digits that change when an object does; independent of the prefix."""
    return fingerprint(*((name, version.size, version.etag) for name, version in sorted(versions.items())))


def check_unchanged(prefix: "Prefix", mark: str, versions: "Mapping[str, Version]") -> None:
    """Raises InputError if objects have another mark than they had."""
    if mark_of(versions) != mark:
        raise InputError(
            f"{prefix} has changed since this run began to read it; wait until nobody writes there, and run it again"
        )


def file_names(names: Iterable[str], where: object) -> list[str]:
    """The names of objects that are files of a folder; some programs write others as its mark.

    Raises:
        InputError: if a file of that name would lie outside.
    """
    files = [name for name in names if not name.endswith("/")]
    for name in files:
        if name.startswith("/") or ".." in PurePosixPath(name).parts:
            raise InputError(f"{where}{name} is not a file of a folder; delete it, or name another prefix")
    return files
