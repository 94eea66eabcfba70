"""What a command may replace: an output of an earlier run, an empty folder, or nothing."""

import json
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING

from components.errors import InputError

if TYPE_CHECKING:
    from components.storage.s3 import Prefix

WORK = Path(".work")
# What file managers and git leave in folders that are empty to their user.
_NOTHING = frozenset({".gitignore", ".gitkeep", ".DS_Store", "Thumbs.db", "desktop.ini"})
_SHOWN = 3


@dataclass(frozen=True)
class Layout:
    """How an output is recognised, whichever version of this project wrote it.

    No mark is written into outputs: it would change the bytes of all that were made before.

    Attributes:
        made_by: the command, for messages.
        files: patterns of files that each such output holds.
        column: of the first of these, a Parquet table, a column that others' do not have.
        key: of the first of these, a JSON object, a key that others' do not have.
        replaces: patterns of what is replaced; all else in the folder stays.
    """

    made_by: str
    files: tuple[str, ...]
    column: str = ""
    key: str = ""
    replaces: tuple[str, ...] = ("*",)

    def is_ours(self, folder: Path) -> bool:
        """Whether the folder is such an output."""
        return all(any(folder.glob(pattern)) for pattern in self.files) and self.is_first(folder / self.files[0])

    def is_first(self, file: Path) -> bool:
        """Whether a file is the first of `files` of such an output."""
        return (not self.column or self.column in columns_in(file)) and (not self.key or self.key in keys_in(file))


def columns_in(file: Path) -> list[str]:
    """The columns of a Parquet file; none if it is another file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        return list(pq.read_schema(file).names)
    except (pa.ArrowException, OSError):
        return []


def keys_in(file: Path) -> set[str]:
    """The keys of the object in a JSON file; none if it is another file."""
    try:
        content = json.loads(file.read_bytes())
    except (ValueError, OSError, RecursionError):
        return set()
    return set(content) if isinstance(content, dict) else set()


def check_file(
    out: Path, endings: tuple[str, ...], made_by: str, is_ours: Callable[[Path], bool], reads: Iterable[Path] = ()
) -> None:
    """Checks that a file may be written: `output`'s rules for a command that writes a file.

    Args:
        out: the file.
        endings: that its name may have.
        made_by: the command, for messages.
        is_ours: whether a file was written by it.
        reads: its inputs.

    Raises:
        InputError: if something else than an earlier output would be replaced.
    """
    if out.suffix not in endings:
        named = f"ends in {out.suffix!r}" if out.suffix else "has no ending"
        raise InputError(f"{out} {named}; name a file that ends in {' or '.join(endings)}")
    if out.is_dir():
        raise InputError(f"{out} is a folder; name a file in it")
    check_not_work(out)
    check_inputs(out, reads)
    if out.exists() and out.stat().st_size and not is_ours(out):
        raise InputError(
            f"{out} was not written by `{made_by}`, and would be replaced; name another file, or remove it yourself"
        )


def check_inputs(target: "Path | Prefix", inputs: "Iterable[Path | Prefix]") -> None:
    """Checks that writing an output changes none of its inputs.

    Raises:
        InputError: if the two are the same or nested.
    """
    for read in inputs:
        if _harms(target, read):
            raise InputError(
                f"{target} cannot receive what is made from {read}: it would change that; name another place"
            )


def _harms(target: "Path | Prefix", read: "Path | Prefix") -> bool:
    if isinstance(target, Path):
        if not isinstance(read, Path):
            return False
        out, source = target.resolve(), read.resolve()
        return source.is_relative_to(out) or out.is_relative_to(source)
    # Of a prefix around another one, only objects with the result's own names are replaced.
    return not isinstance(read, Path) and target.bucket == read.bucket and target.folder.startswith(read.folder)


def check_not_work(out: "Path | Prefix") -> None:
    """Raises InputError if an output is the folder of unfinished work, or lies in it."""
    if isinstance(out, Path) and out.resolve().is_relative_to(WORK.resolve()):
        raise InputError(f"{out} lies in {WORK}, where unfinished work is kept and removed again; name another place")


def check_own(out: "Path | Prefix", layout: Layout) -> None:
    """Checks that an output is absent, empty or one of an earlier run.

    Raises:
        InputError: if something else would be replaced, or a bucket refuses.
        SetupError: if the bucket's server does not answer.
    """
    if isinstance(out, Path):
        there = sorted(
            {path.name for pattern in layout.replaces for path in out.glob(pattern)} - _NOTHING if out.is_dir() else ()
        )
        if not there or layout.is_ours(out):
            return
        names = ", ".join(there[:_SHOWN]) + (f" and {len(there) - _SHOWN} more" if len(there) > _SHOWN else "")
        raise InputError(
            f"{out} holds {names}, which `{layout.made_by}` did not write and would replace; name another place with --out, "
            "or remove it yourself"
        )
    first = layout.files[0]
    if layout.column and first in out.names():  # objects of other names are left alone
        with TemporaryDirectory() as folder:
            out.get(first, copy := Path(folder) / "first")
            if not layout.is_first(copy):
                raise InputError(
                    f"{out}{first} was not written by `{layout.made_by}`, and would be replaced; name another prefix with "
                    "--out, or remove it yourself"
                )
