"""Writing to S3: objects directly under one prefix of a bucket. Reading goes through `components.storage`."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InputError

_SCHEME = "s3://"
_AT_ONCE = 1000  # objects that one request may delete
MEND = (
    "check the bucket, the credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE) "
    "and, where it is not Amazon's S3, AWS_ENDPOINT_URL"
)


@dataclass(frozen=True)
class Prefix:
    """The objects of a bucket whose names begin with `folder`, which is empty or ends in a slash."""

    bucket: str
    folder: str

    @classmethod
    def of(cls, location: str) -> "Prefix":
        """What `s3://BUCKET/PREFIX` means.

        Raises:
            InputError: if it names no bucket.
        """
        bucket, _, folder = location.removeprefix(_SCHEME).partition("/")
        if not location.startswith(_SCHEME) or not bucket:
            raise InputError(f"{location} names no bucket; write s3://BUCKET/PREFIX")
        folder = folder.strip("/")
        return cls(bucket, f"{folder}/" if folder else "")

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.folder}"

    def put(self, file: Path, name: str) -> None:
        """Uploads a file; the object is seen when it is whole, and replaces one of that name.

        Raises:
            InputError: if it is refused.
            SetupError: if it fails again and again.
        """

        from components.s3_requests import TRANSFER, client, tried

        def upload() -> None:
            with file.open("rb") as stream:
                client().upload_fileobj(stream, self.bucket, self.folder + name, Config=TRANSFER)

        tried(upload, f"{self}{name} cannot be written", MEND)

    def write(self, name: str, data: bytes = b"") -> None:
        """Writes a small object; raises as `put` does."""
        from components.s3_requests import client, tried

        key = self.folder + name
        tried(
            lambda: client().put_object(Bucket=self.bucket, Key=key, Body=data), f"{self}{name} cannot be written", MEND
        )

    def delete(self, names: Sequence[str]) -> None:
        """Deletes objects, whether they are there or not; raises as `put` does."""
        from components.s3_requests import tried

        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            what = f"{self}{some[0]}" + (f" and {len(some) - 1} more" if len(some) > 1 else "")
            asked = {"Objects": [{"Key": self.folder + name} for name in some], "Quiet": True}
            tried(lambda asked=asked: self._delete(asked), f"{what} cannot be deleted", MEND)  # type: ignore[misc]

    def _delete(self, asked: dict[str, Any]) -> None:
        from components.s3_requests import client, raise_refusals

        raise_refusals(client().delete_objects(Bucket=self.bucket, Delete=asked))

    def names(self) -> set[str]:
        """The names of all objects directly under the prefix, without it; raises as `put` does."""
        from components.s3_requests import tried

        return tried(self._names, f"{self} cannot be listed", MEND)

    def _names(self) -> set[str]:
        from components.s3_requests import client

        pages = (
            client().get_paginator("list_objects_v2").paginate(Bucket=self.bucket, Prefix=self.folder, Delimiter="/")
        )
        return {found["Key"].removeprefix(self.folder) for page in pages for found in page.get("Contents", [])}
