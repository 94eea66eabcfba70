"""Storage is a URL: a path, `file://`, `http(s)://` or `s3://` is read in the same way.

All but `http(s)://` are written to. Credentials come from the environment.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import fsspec

from components.errors import InputError
from components.storage.retry import GaveUp, retry

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

_ATTEMPTS = 4
_WILD = frozenset("*?[")


def folder_at(location: Path | str) -> "Path | Prefix":
    """The folder of this machine at a path or `file://`, or the prefix of a bucket at `s3://`.

    Raises:
        InputError: if it is another kind of storage, or names no bucket.
    """
    scheme, mark, path = str(location).partition("://")
    if isinstance(location, Path) or not mark:
        return Path(location)
    if scheme == "file":
        return Path(path)
    if scheme != "s3":
        raise InputError(f"{location} cannot be used as a folder; name a path, file:// or s3://BUCKET/PREFIX")
    from components.storage.s3 import Prefix  # boto3 is slow to load

    return Prefix.of(location)


def canonical(location: Path | str) -> Path | str:
    """A folder as the stages name it: a path on this machine, however written, or a bucket's URL.

    Raises:
        InputError: as `folder_at` does.
    """
    there = folder_at(location)
    return there if isinstance(there, Path) else str(location)


def expand(location: str) -> list[str]:
    """The files that a location means, sorted.

    These are one file, those that a pattern matches, or those that a list names (`@LIST`). A list
    has a location per line, gzipped or not, as Common Crawl's `warc.paths.gz`; one without scheme
    stands at the root of the list's own server or bucket, or next to a local list. Addresses of web
    servers are no patterns.

    Raises:
        InputError: if there is none, or the place cannot be asked.
    """
    if location.startswith("@"):
        return _listed(location[1:])
    scheme = location.partition("://")[0] if "://" in location else ""
    if scheme in ("http", "https"):
        return [location]
    try:
        fs, path = fsspec.url_to_fs(location)
        fs.invalidate_cache()  # of what this process saw before
        found = sorted(fs.glob(path)) if _WILD & set(path) else [path] if fs.exists(path) else []
    except Exception as error:  # whatever a storage library raises
        raise InputError(f"{location} cannot be looked up: {error}{_fix(location)}") from error
    if not found:
        raise InputError(f"{location} matches no file; check the path, and quote it if it is a pattern")
    return [str(fs.unstrip_protocol(one)) if scheme else str(one) for one in found]


def _listed(location: str) -> list[str]:
    with local_copy(location) as path, fsspec.open(str(path), "rt", compression="infer", encoding="utf-8") as lines:
        names = [line.strip() for line in lines if line.strip()]
    if not names:
        raise InputError(f"{location} lists no file")
    if "://" in location:
        scheme, _, rest = location.partition("://")
        root = f"{scheme}://{rest.partition('/')[0]}"
    else:
        root = str(Path(location).absolute().parent)
    return [name if "://" in name or name.startswith("/") else f"{root}/{name}" for name in names]


@contextmanager
def local_copy(location: str, folder: Path | None = None) -> Iterator[Path]:
    """A local file with the content of a location: the file itself, or a copy for the moment.

    Args:
        location: a path or URL of one file.
        folder: where the copy goes; the system's folder for temporary files by default.

    Raises:
        InputError: if it is missing or, after several attempts, cannot be read.
    """
    fs, path = fsspec.url_to_fs(location)
    if "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
        if not Path(path).is_file():
            raise InputError(f"{location} is missing; check the path, or run the stage that writes it")
        yield Path(path)
        return
    with TemporaryDirectory(dir=folder) as temporary:
        copy = Path(temporary) / (Path(path).name or "copy")
        _fetch(fs, path, copy, location)
        yield copy


def _fetch(fs: Any, path: str, copy: Path, location: str) -> None:
    def get() -> None:
        fs.get_file(path, str(copy))

    try:
        retry(get, _ATTEMPTS, f"{location} cannot be read", _is_final)
    except GaveUp as failure:
        error = failure.error
        if isinstance(error, FileNotFoundError):
            raise InputError(f"{location} does not exist") from None
        attempts = f"{failure.attempts} attempt" + "s" * (failure.attempts > 1)
        raise InputError(f"{location} cannot be read after {attempts}: {error}{_fix(location)}") from error


def _is_final(error: Exception) -> bool:
    return isinstance(error, (FileNotFoundError, PermissionError))


def _fix(location: str) -> str:
    if not location.startswith("s3://"):
        return ""
    from components.storage.s3 import FIX

    return f"; {FIX}"
