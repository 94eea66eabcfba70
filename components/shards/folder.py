"""A folder of shards, here or in a bucket: what it holds, whether it is whole or changed."""

import hashlib
import tarfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Self

from components.errors import InputError
from components.shards.format import numbers_among, shard_name
from components.storage.location import folder_at
from components.storage.mirror import mark_of
from components.storage.work import fingerprint

if TYPE_CHECKING:
    # boto3 is slow to import and large; only who reads a bucket pays for it.
    from components.storage.s3 import Prefix, Version

_READ = (".tar", ".parquet")


@dataclass(frozen=True)
class ShardFolder:
    """Where shards lie: the absolute path of a folder, or the URL of a bucket's prefix.

    A file's version is an int64 made of its size, and of its ETag in a bucket. A copied folder has
    the same versions; whether its indexes say the same is what `mark` answers.
    """

    location: str

    @classmethod
    def at(cls, location: Path | str) -> Self:
        """The folder at a path, `file://` or `s3://BUCKET/PREFIX`, which need not exist.

        Raises:
            InputError: if it is another kind of storage, or names no bucket.
        """
        folder = folder_at(location)
        return cls(str(folder.absolute() if isinstance(folder, Path) else folder).rstrip("/"))

    @property
    def folder(self) -> "Path | Prefix":
        """What `folder_at` makes of the location."""
        return folder_at(self.location)

    @property
    def is_local(self) -> bool:
        """Whether the shards can be read where they lie."""
        return isinstance(self.folder, Path)

    def has_shards(self) -> bool:
        """Whether there is an index (`NUMBER.parquet`), and with it a shard."""
        folder = self.folder
        names = (path.name for path in folder.glob("*.parquet")) if isinstance(folder, Path) else folder.names()
        return any(_is_shard_file(name) and name.endswith(".parquet") for name in names)

    def numbers(self) -> list[int]:
        """The shards: 0 to n - 1. Raises as `versions` does."""
        return list(range(len(self.versions()) // 2))

    def versions(self) -> dict[str, int]:
        """The versions of all tars and indexes, by file name; there are both of every shard.

        Raises:
            InputError: if there is no shard, a shard lacks a file or a number is missing, or the
                bucket refuses.
            SetupError: if the bucket's server does not answer.
        """
        folder = self.folder
        if isinstance(folder, Path):
            found = {path.name: (path.stat().st_size, "") for path in folder.glob("*") if _is_shard_file(path.name)}
        else:
            found = {name: (version.size, version.etag) for name, version in _shard_files(folder).items()}
        numbers_among(found, folder)
        last = max(int(name.partition(".")[0]) for name in found)
        for name in (shard_name(number) + ending for number in range(last + 1) for ending in _READ):
            if name not in found:
                raise InputError(
                    f"{folder} lacks {name}, though there is shard {shard_name(last)}; run the stage that writes it again, "
                    "or copy the missing file"
                )
        return {name: _version(*facts) for name, facts in sorted(found.items())}

    def mark(self) -> str:
        """Hex digits that change whenever a picture, a text or a label does.

        On this machine they are made of the indexes' bytes, which hold every picture's SHA-256, and
        of the tars' sizes; in a bucket, of names, sizes and ETags.

        Raises:
            InputError: if there is no shard or the bucket refuses.
            SetupError: if the bucket's server does not answer.
        """
        folder = self.folder
        if not isinstance(folder, Path):
            return mark_of(_shard_files(folder))
        numbers = numbers_among((path.name for path in folder.glob("*.parquet")), folder)
        tars = [folder / f"{shard_name(number)}.tar" for number in numbers]
        sizes = [tar.stat().st_size for tar in tars if tar.is_file()]
        return fingerprint(*(tar.with_suffix(".parquet") for tar in tars), sizes)

    def check_unchanged(self, mark: str) -> None:
        """Raises InputError if the shards have another mark than they had when the run began."""
        if self.mark() != mark:
            raise self.changed_error()

    def local_tars(self) -> list[Path]:
        """The tars of a folder of this machine, in order.

        Raises:
            InputError: as `versions` does, or if the folder is in a bucket.
        """
        folder = self.folder
        if not isinstance(folder, Path):
            raise InputError(f"{folder} is in a bucket; copy it to a folder of this machine, and name that")
        return [folder / f"{shard_name(number)}.tar" for number in self.numbers()]

    def fetch(self, name: str, version: int, copy: Path) -> Path:
        """The file `name` on this machine: itself, or `copy`, which is downloaded.

        Raises:
            InputError: if it is missing, or no longer has the version that it had when the run
                began.
            SetupError: if the bucket's server fails again and again.
        """
        folder = self.folder
        if isinstance(folder, Path):
            path = folder / name
            if not path.is_file():
                raise InputError(f"{path} is missing; it was there when the run began. Put it back, and run it again")
            facts = (path.stat().st_size, "")
        else:
            folder.get(name, copy)
            path, now = copy, folder.version(name)
            facts = (now.size, now.etag)
        if _version(*facts) != version:
            raise self.changed_error(name)
        return path

    def changed_error(self, name: str = "") -> InputError:
        """The error for shards, or one of their files, that changed during a run."""
        return InputError(
            f"{self.location}/{name} has changed since this run began to read it; wait until nobody writes there, "
            "and run it again"
        )

    def check_tar_end(self, name: str) -> None:
        """Checks that a tar ends in a block of zeros, as whole ones do; reads nothing else of it.

        Raises:
            InputError: if it does not.
        """
        folder = self.folder
        if isinstance(folder, Path):
            with (folder / name).open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - tarfile.BLOCKSIZE))
                last = stream.read()
        else:
            last = folder.tail(name, tarfile.BLOCKSIZE)
        if last != bytes(tarfile.BLOCKSIZE):
            raise InputError(
                f"{self.location}/{name} is no whole tar: it is truncated; run the stage that writes it again"
            )


def _is_shard_file(name: str) -> bool:
    stem, _, _ = name.rpartition(".")
    return name.endswith(_READ) and stem.isdigit()


def _shard_files(prefix: "Prefix") -> "dict[str, Version]":
    return {name: version for name, version in prefix.versions().items() if _is_shard_file(name)}


def _version(size: int, etag: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{size} {etag}".encode()).digest()[:8], "big", signed=True)
