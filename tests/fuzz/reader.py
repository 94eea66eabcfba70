"""What the fuzzer knows of a reader of foreign bytes."""

import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from zlib import crc32

from tests.fuzz.change import GENERAL, Change


@dataclass(frozen=True)
class Reader:
    """A reader, wrapped for fuzzing.

    Attributes:
        read: reads an input and checks what must hold of any; returns outcomes to count. The errors
            that commands show as a sentence are outcomes; whatever it raises is a crash.
        seeds: intact inputs.
        changes: mutations that fit the format.
        memory: bytes that an input may take for each started megabyte of its own.
    """

    read: Callable[[bytes], Iterable[str]]
    seeds: Callable[[], Sequence[bytes]]
    changes: Sequence[Change] = GENERAL
    memory: int = 100_000_000


def chance_of(data: bytes) -> random.Random:
    """Draws what goes with an input: a header, a parameter. The same with the same bytes."""
    return random.Random(crc32(data))


def folder_of(**files: bytes) -> Path:
    """A folder with these files alone, the same one each time: `name__ending` is `name.ending`."""
    folder = Path(_scratch().name)
    for path in folder.iterdir():
        path.unlink()
    for name, data in files.items():
        (folder / name.replace("__", ".")).write_bytes(data)
    return folder


@cache
def _scratch() -> "TemporaryDirectory[str]":
    memory = Path("/dev/shm")
    return TemporaryDirectory(prefix="mofi-fuzz-", dir=memory if memory.is_dir() else None)
