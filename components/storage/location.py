"""Storage is a URL: a path, `file://`, `http(s)://` or `s3://` is read in the same way.

All but `http(s)://` are written to. Credentials come from the environment.
"""

import io
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import fsspec

from components.errors import InputError
from components.redaction import redact, show_url
from components.storage.foreign.texts import decode_text
from components.storage.retry import GaveUp, retry

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

_ATTEMPTS = 4
# Bytes of a list of files, unpacked; the 100,000 files of a Common Crawl take 14 MB.
_LONGEST_LIST = 64 << 20
_WILD = frozenset("*?[")
_WEB = ("http", "https")


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
        raise InputError(f"{show_url(location)} cannot be used as a folder; name a path, file:// or s3://BUCKET/PREFIX")
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
    servers are no patterns. A list from elsewhere names neither files of this machine nor other
    buckets; no list chains file systems.

    Raises:
        InputError: if there is none, the place cannot be asked, or a list names what it may not.
    """
    if location.startswith("@"):
        return [_named(name, location[1:]) for name in _listed(location[1:])]
    scheme = location.partition("://")[0] if "://" in location else ""
    if scheme in _WEB:
        return [location]
    try:
        fs, path = fsspec.url_to_fs(location)
        fs.invalidate_cache()  # of what this process saw before
        found = sorted(fs.glob(path)) if _WILD & set(path) else [path] if fs.exists(path) else []
    except Exception as error:  # whatever a storage library raises
        raise InputError(f"{show_url(location)} cannot be looked up: {redact(str(error))}{_fix(location)}") from error
    if not found:
        raise InputError(f"{show_url(location)} matches no file; check the path, and quote it if it is a pattern")
    return [str(fs.unstrip_protocol(one)) if scheme else str(one) for one in found]


def base_of(location: str) -> Path | None:
    """The file or folder of this machine that a location of `expand` is or lies in; else None."""
    path = location.removeprefix("@").removeprefix("file://")
    if "://" in path:
        return None
    return Path(*takewhile(lambda part: not _WILD & set(part), Path(path).parts))


def _listed(location: str) -> list[str]:
    with local_copy(location) as path:
        text = _text_of(path, location)
    names = [line.strip() for line in io.StringIO(text, newline=None) if line.strip()]
    if not names:
        raise InputError(f"{show_url(location)} lists no file")
    return names


def _text_of(path: Path, location: str) -> str:
    """The text of a list, which may be compressed."""
    try:
        with fsspec.open(str(path), "rb", compression="infer") as stream:
            data = stream.read(_LONGEST_LIST + 1)
    except Exception as error:  # whatever a decompressor raises
        raise InputError(f"the list {show_url(location)} cannot be unpacked: {redact(str(error))}") from error
    if len(data) <= _LONGEST_LIST:
        text = decode_text(data)[0]
        if "\0" in text:
            raise InputError(f"{show_url(location)} is no list of files: it is no text")
        return text
    raise InputError(
        f"the list {show_url(location)} unfolds to more than {_LONGEST_LIST >> 20} MiB; name the files in several lists"
    )


def _named(name: str, of: str) -> str:
    """The location that a line of a list means; raises InputError as `expand` does."""
    own, place = _scheme(of), of.partition("://")[2].partition("/")[0]
    scheme, mark, rest = name.partition("://")
    if not name.isprintable() or "::" in name:
        raise _not_in_a_list(name, of, "it is no plain path or URL")
    if not mark:
        if own:
            return f"{own}://{place}/{name.lstrip('/')}"
        return name if name.startswith("/") else f"{Path(of.removeprefix('file://')).absolute().parent}/{name}"
    scheme = scheme.lower()
    same_bucket = own == scheme == "s3" and rest.partition("/")[0] == place
    if scheme in _WEB or same_bucket or (not own and scheme in ("file", "s3")):
        return f"{scheme}://{rest}"
    raise _not_in_a_list(
        name, of, "it may name http(s):// and files of its own place" if own else f"{scheme}:// is no storage"
    )


def _not_in_a_list(name: str, of: str, problem: str) -> InputError:
    return InputError(
        f"the list {show_url(of)} names {show_url(name[:200])!r}: {problem}; delete the line, or name the file itself"
    )


def _scheme(location: str) -> str:
    """`http`, `s3` and so on; empty for files of this machine."""
    scheme = location.partition("://")[0].lower() if "://" in location else ""
    return "" if scheme == "file" else scheme


@contextmanager
def local_copy(
    location: str, folder: Path | None = None, client: Callable[..., Awaitable[Any]] | None = None
) -> Iterator[Path]:
    """A local file with the content of a location: the file itself, or a copy for the moment.

    Args:
        location: a path or URL of one file.
        folder: where the copy goes; the system's folder for temporary files by default.
        client: makes the aiohttp session that reads from web servers, if it is not any.

    Raises:
        InputError: if it is missing or, after several attempts, cannot be read.
    """
    options = {"get_client": client, "skip_instance_cache": True} if client and _scheme(location) in _WEB else {}
    fs, path = fsspec.url_to_fs(location, **options)
    if "file" in (fs.protocol if isinstance(fs.protocol, tuple) else (fs.protocol,)):
        if not Path(path).is_file():
            raise InputError(f"{show_url(location)} is missing; check the path, or run the stage that writes it")
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
        retry(get, _ATTEMPTS, f"{show_url(location)} cannot be read", _is_final)
    except GaveUp as failure:
        error = _cause(failure.error)
        if isinstance(error, FileNotFoundError):
            raise InputError(f"{show_url(location)} does not exist") from None
        attempts = f"{failure.attempts} attempt" + "s" * (failure.attempts > 1)
        raise InputError(
            f"{show_url(location)} cannot be read after {attempts}: {redact(str(error))}{_fix(location)}"
        ) from error


def _is_final(error: Exception) -> bool:
    return isinstance(_cause(error), (FileNotFoundError, PermissionError, ValueError))


def _cause(error: Exception) -> BaseException:
    """A refusal of ours, which aiohttp wraps; else the error."""
    refusals = (getattr(error, "os_error", None), error.__cause__)
    return next((inner for inner in refusals if isinstance(inner, PermissionError)), error)


def _fix(location: str) -> str:
    if not location.startswith("s3://"):
        return ""
    from components.storage.s3 import FIX

    return f"; {FIX}"
