"""Where in a tar its pictures lie, from the headers alone: five times as fast as `tarfile`, which makes an object of each."""

import mmap
import tarfile
from pathlib import Path

from components.errors import InputError
from components.shards import EXTENSIONS

# (offset, bytes) by key
Places = dict[str, tuple[int, int]]
_BLOCK = tarfile.BLOCKSIZE
_PLAIN = (b"0"[0], 0)  # type flags of a regular file
_USTAR = b"ustar\0"


class _Unusual(Exception):
    """A header that only a full reader of tars understands."""


def picture_places(path: Path) -> Places:
    """The pictures of a shard by key, as `shards.read_shard` names and groups them.

    Raises:
        InputError: if the tar is missing, or breaks off.
    """
    try:
        with path.open("rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
            return _plain(data)
    except FileNotFoundError:
        raise InputError(f"{path} is missing; run the stage that writes it") from None
    except _Unusual:
        return _any(path)
    except (tarfile.TarError, ValueError, OSError) as error:
        raise _broken(path, error) from error


def _plain(data: mmap.mmap) -> Places:
    places: Places = {}
    position, end = 0, len(data)
    while True:
        header = data[position : position + _BLOCK]
        if len(header) < _BLOCK:
            raise tarfile.ReadError(f"it breaks off at byte {position}")
        if header[0] == 0:
            if header.strip(b"\0"):
                raise tarfile.ReadError(f"it is damaged at byte {position}")
            return places
        if header[156] not in _PLAIN or header[257:263] != _USTAR or header[124] & 0x80:
            raise _Unusual
        size = int(header[124:136].strip(b" \0") or b"0", 8)
        begin = position + _BLOCK
        if begin + size > end:
            raise tarfile.ReadError(f"it breaks off at byte {end}")
        name = header[:100].rstrip(b"\0").decode("utf-8", "replace")
        prefix = header[345:500].rstrip(b"\0").decode("utf-8", "replace")
        _note(places, f"{prefix}/{name}" if prefix else name, begin, size)
        position = begin + -(-size // _BLOCK) * _BLOCK


def _any(path: Path) -> Places:
    places: Places = {}
    try:
        with tarfile.open(path, "r:") as tar:
            for member in tar:
                if member.isfile():
                    _note(places, member.name, member.offset_data, member.size)
            end = tar.offset
        with path.open("rb") as stream:
            stream.seek(end)
            if stream.read(_BLOCK) != bytes(_BLOCK):
                raise tarfile.ReadError(f"it breaks off or is damaged at byte {end}")
    except (tarfile.TarError, ValueError, OSError) as error:
        raise _broken(path, error) from error
    return places


def _note(places: Places, name: str, begin: int, size: int) -> None:
    """WebDataset's rule: the key ends at the first dot of the file's name; folders belong to it."""
    folder, slash, file = name.removeprefix("./").rpartition("/")
    stem, dot, extension = file.partition(".")
    if stem and dot and extension.lower() in EXTENSIONS:
        places.setdefault(folder + slash + stem, (begin, size))


def _broken(path: Path, error: Exception) -> InputError:
    return InputError(f"{path} is no whole tar ({error}); delete it and run its stage again")
