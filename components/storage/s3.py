"""S3: the objects under one prefix of a bucket.

Single files of any storage are read by way of `components.storage.location`.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any, TypeVar

import boto3
from boto3.s3.transfer import TransferConfig
from botocore.config import Config
from botocore.exceptions import (
    BotoCoreError,
    ClientError,
    NoCredentialsError,
    ParamValidationError,
    PartialCredentialsError,
)

from components.errors import InputError, SetupError
from components.redaction import show_url
from components.storage.retry import GaveUp, retry

_SCHEME = "s3://"
_BUCKET = re.compile(r"[A-Za-z0-9._-]+|arn:[A-Za-z0-9:._-]+")
_ATTEMPTS = 7
_AT_ONCE = 1000  # objects that one request may delete
# A large file goes up in pieces: at most some 100 MB of it are in memory, whatever its size.
_TRANSFER = TransferConfig(multipart_threshold=16 * 2**20, multipart_chunksize=8 * 2**20, max_concurrency=4)
# Refusals of the moment; all others with a status below 500 are for good.
_PASSING = {"RequestTimeout", "IncompleteBody", "BadDigest", "SlowDown", "TooManyRequests", "408", "429"}
FIX = (
    "check the bucket, the credentials in the environment (AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_PROFILE) "
    "and, where it is not Amazon's S3, AWS_ENDPOINT_URL"
)
_T = TypeVar("_T")


@dataclass(frozen=True)
class Version:
    """What tells an object's content from another one of its name: size in bytes, and S3's ETag."""

    size: int
    etag: str


@dataclass(frozen=True)
class Prefix:
    """The bucket's objects whose names begin with `folder`, empty or ending in a slash."""

    bucket: str
    folder: str

    @classmethod
    def of(cls, location: str) -> "Prefix":
        """What `s3://BUCKET/PREFIX` means.

        Raises:
            InputError: if it names no bucket.
        """
        bucket, _, folder = location.removeprefix(_SCHEME).partition("/")
        if not location.startswith(_SCHEME) or not bucket or not _BUCKET.fullmatch(bucket):
            raise InputError(
                f"{show_url(location)} names no bucket; write s3://BUCKET/PREFIX, with credentials in the environment"
            )
        folder = folder.strip("/")
        return cls(bucket, f"{folder}/" if folder else "")

    def __str__(self) -> str:
        return f"{_SCHEME}{self.bucket}/{self.folder}"

    def put(self, file: Path, name: str) -> None:
        """Uploads a file; the object is visible once it is whole, and replaces one of that name.

        Raises:
            InputError: if it is refused.
            SetupError: if it fails again and again.
        """

        def upload() -> None:
            with file.open("rb") as stream:
                _client().upload_fileobj(stream, self.bucket, self.folder + name, Config=_TRANSFER)

        _tried(upload, f"{self}{name} cannot be written")

    def get(self, name: str, file: Path) -> None:
        """Downloads an object into a new file; raises as `put` does."""

        def download() -> None:
            with file.open("wb") as stream:
                _client().download_fileobj(self.bucket, self.folder + name, stream, Config=_TRANSFER)

        _tried(download, f"{self}{name} cannot be read")

    def version(self, name: str) -> Version:
        """What an object is now; raises as `put` does."""
        answer = _tried(
            lambda: _client().head_object(Bucket=self.bucket, Key=self.folder + name),
            f"{self}{name} cannot be looked up",
        )
        return Version(int(answer["ContentLength"]), str(answer["ETag"]).strip('"'))

    def tail(self, name: str, size: int) -> bytes:
        """An object's last bytes, `size` at most; raises as `put` does."""
        asked = {"Bucket": self.bucket, "Key": self.folder + name, "Range": f"bytes=-{size}"}
        # Some servers send the whole object's checksum with a part of it.
        client = _client(check="when_required")
        return _tried(lambda: bytes(client.get_object(**asked)["Body"].read()), f"{self}{name} cannot be read")

    def write(self, name: str, data: bytes = b"") -> None:
        """Writes a small object; raises as `put` does."""
        key = self.folder + name
        _tried(lambda: _client().put_object(Bucket=self.bucket, Key=key, Body=data), f"{self}{name} cannot be written")

    def delete(self, names: Sequence[str]) -> None:
        """Deletes objects, whether they are there or not; raises as `put` does."""
        for first in range(0, len(names), _AT_ONCE):
            some = names[first : first + _AT_ONCE]
            what = f"{self}{some[0]}" + (f" and {len(some) - 1} more" if len(some) > 1 else "")
            asked = {"Objects": [{"Key": self.folder + name} for name in some], "Quiet": True}
            _tried(lambda asked=asked: self._delete(asked), f"{what} cannot be deleted")  # type: ignore[misc]

    def _delete(self, asked: dict[str, Any]) -> None:
        """Raises what S3 reports as an error inside an answer that it calls a success."""
        for error in _client().delete_objects(Bucket=self.bucket, Delete=asked).get("Errors", [])[:1]:
            status = 403 if error.get("Code") == "AccessDenied" else 500
            answer = {"Error": error, "ResponseMetadata": {"HTTPStatusCode": status}}
            raise ClientError(answer, f"DeleteObjects ({error.get('Key')})")

    def names(self) -> set[str]:
        """The names of objects directly under the prefix, without it; raises as `put` does."""
        return set(_tried(lambda: self._versions(Delimiter="/"), f"{self} cannot be listed"))

    def versions(self) -> dict[str, "Version"]:
        """All objects under the prefix at any depth, by name without it; raises as `put` does."""
        return _tried(self._versions, f"{self} cannot be listed")

    def _versions(self, **options: str) -> dict[str, "Version"]:
        asked = {"Bucket": self.bucket, "Prefix": self.folder, **options}
        pages = _client().get_paginator("list_objects_v2").paginate(**asked)
        listed = (found for page in pages for found in page.get("Contents", []))
        return {o["Key"].removeprefix(self.folder): Version(int(o["Size"]), str(o["ETag"]).strip('"')) for o in listed}


@lru_cache(maxsize=2)
def _client(check: str | None = None) -> Any:
    """The client of this process, for any thread; three attempts at a request or a part."""
    return boto3.session.Session().client(
        "s3", config=Config(retries={"mode": "standard"}, response_checksum_validation=check)
    )


def _tried(action: Callable[[], _T], failure: str) -> _T:
    try:
        return retry(action, _ATTEMPTS, failure, _is_final, (BotoCoreError, ClientError, ValueError))
    except GaveUp as gave_up:
        error = gave_up.error
        if _is_final(error):
            raise InputError(f"{failure}: {error}; {FIX}") from error
        raise SetupError(
            f"{failure} after {gave_up.attempts} attempts: {error}; {FIX}, and run it again: what is finished is kept"
        ) from error


def _is_final(error: Exception) -> bool:
    if isinstance(error, ClientError):
        status = error.response.get("ResponseMetadata", {}).get("HTTPStatusCode", 500)
        return 400 <= status < 500 and str(error.response["Error"].get("Code")) not in _PASSING
    return isinstance(error, (NoCredentialsError, PartialCredentialsError, ParamValidationError, ValueError))
