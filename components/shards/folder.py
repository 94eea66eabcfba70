"""Where shards lie, on this machine or in a bucket, and what tells a file from another one that had its name."""

import hashlib
import tarfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from components.errors import InputError
from components.shards.format import numbers_among, shard_name, shard_numbers
from components.storage.location import folder_at
from components.storage.mirror import mark_of
from components.storage.work import fingerprint

if TYPE_CHECKING:
    from components.storage.s3 import Prefix  # boto3 takes its time and memory, which only buckets are to cost

_READ = (".tar", ".parquet")


@dataclass(frozen=True)
class Place:
    """A folder or prefix of shards.

    A version is an int64 of an object's size and ETag, and of a local file's size: copying a folder does not make other data of
    it, and that its index says the same is looked at beside.
    """

    location: str

    @property
    def _there(self) -> "Path | Prefix":
        return folder_at(self.location)

    @property
    def is_local(self) -> bool:
        """Whether its files can be read where they lie."""
        return isinstance(self._there, Path)

    def versions(self) -> dict[str, int]:
        """All tars and indexes, by name.

        Raises:
            InputError: if there is none, a shard lacks a file or a number is left out, or the bucket refuses.
            SetupError: if the bucket's server does not answer.
        """
        there = self._there
        if isinstance(there, Path):
            sizes = {path.name: (path.stat().st_size, "") for path in there.glob("*") if path.suffix in _READ}
        else:
            sizes = {name: (v.size, v.etag) for name, v in there.versions().items() if name.endswith(_READ)}
        self._check_whole(sizes)
        return {name: _version(*facts) for name, facts in sorted(sizes.items())}

    def _check_whole(self, names: Mapping[str, object]) -> None:
        numbers = numbers_among(names, self.location)
        last = max([*numbers, *(int(n.removesuffix(".tar")) for n in names if n.removesuffix(".tar").isdigit())])
        for number in range(last + 1):
            for ending in _READ:
                name = shard_name(number) + ending
                if name not in names:
                    raise InputError(
                        f"{self.location} lacks {name}, though there is shard {shard_name(last)}; "
                        "run the stage that writes it again, or copy the missing file"
                    )

    def mark(self) -> str:
        """Hex digits that change when the shards do: by the indexes' bytes on this machine, by ETags in a bucket."""
        there = self._there
        if isinstance(there, Path):
            indexes = [there / f"{shard_name(number)}.parquet" for number in shard_numbers(there)]
            tars = [path.with_suffix(".tar") for path in indexes]
            return fingerprint(*indexes, [tar.stat().st_size for tar in tars if tar.exists()])
        return mark_of({name: v for name, v in there.versions().items() if name.endswith(_READ)})

    def bring(self, name: str, version: int, copy: Path) -> Path:
        """A file of this machine with the content of `name`: itself, or a copy.

        Raises:
            InputError: if it is not the version that it was when the run began, or is gone.
            SetupError: if the bucket's server fails again and again.
        """
        there = self._there
        if isinstance(there, Path):
            path = there / name
            if not path.is_file():
                raise InputError(f"{path} is missing; it was there when the run began. Put it back, and run it again")
            facts = (path.stat().st_size, "")
        else:
            there.get(name, copy)
            path, seen = copy, there.version(name)
            facts = (seen.size, seen.etag)
        if _version(*facts) != version:
            raise self.changed(name)
        return path

    def changed(self, name: str) -> InputError:
        """The error that tells of a file that is another one than it was."""
        return InputError(
            f"{self.location}/{name} has changed since this run began to read it; wait until nobody writes there, "
            "and run it again"
        )

    def check_end(self, name: str) -> None:
        """Whether a tar ends as whole ones do, by a look at its last block.

        Raises:
            InputError: if it does not.
        """
        there = self._there
        if isinstance(there, Path):
            with (there / name).open("rb") as stream:
                size = stream.seek(0, 2)
                stream.seek(max(0, size - tarfile.BLOCKSIZE))
                last = stream.read()
        else:
            last = there.tail(name, tarfile.BLOCKSIZE)
        if last != bytes(tarfile.BLOCKSIZE):
            raise InputError(
                f"{self.location}/{name} is no whole tar: it breaks off; run the stage that writes it again"
            )


def _version(size: int, etag: str) -> int:
    return int.from_bytes(hashlib.sha256(f"{size} {etag}".encode()).digest()[:8], "big", signed=True)
