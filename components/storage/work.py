"""Work folders: unfinished work, named by a fingerprint of all that its result depends on.

A run claims the folders that it works in until it ends, so that a run with other parameters leaves
them alone and a second one of the same does not get in its way. What an interrupted run left stays
until a later one has finished the same output, until it is old, or until the disk has less room
than all of it takes; `mofi work` shows and removes it.
"""

import hashlib
import json
import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from uuid import uuid4

from components.errors import InputError, SetupError
from components.section import Section
from components.storage.claims import claim, is_certain, is_own, lock_file, release, user

logger = logging.getLogger(__name__)

WORK = Path(".work")
DROPPED = "dropped-"
NOTE = "work.json"  # says which output a work folder is for; its time is that of the last run
KEPT_DAYS = 14.0
_DAY = 86_400.0


@dataclass(frozen=True)
class Unfinished:
    """What an interrupted run left, or what one that runs now works on.

    Attributes:
        folder: the work folder.
        out: the output that it is for; empty if that is not known.
        days: since a run last worked on it.
        size: of all its files, in bytes.
    """

    folder: Path
    out: str
    days: float
    size: int

    @property
    def stage(self) -> str:
        """The stage that works there."""
        return self.folder.parent.name


def fingerprint(*parts: object) -> str:
    """Twelve hex digits of what the result depends on.

    A section of parameters counts by its values (except those without effect), a file by its bytes,
    a folder by its files' names and bytes, anything else by its `repr`.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, Section):
            digest.update(part.model_dump_json(exclude=set(part.WITHOUT_EFFECT)).encode())
        elif isinstance(part, Path):
            _digest_path(digest, part)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _digest_path(digest: "hashlib._Hash", path: Path) -> None:
    if not path.exists():
        raise InputError(f"{path} is missing; run the stage that writes it (`dvc repro` runs all)")
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    for file in files:
        digest.update(f"{file.relative_to(path)}\0".encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())


def work_folder(stage: str, mark: str, root: Path = WORK, out: object = "") -> Path:
    """`.work/STAGE/FINGERPRINT`, made and claimed until this process ends or drops it.

    Old work of interrupted runs is removed (`drop_old`).

    Args:
        stage: the stage's name.
        mark: the fingerprint.
        root: folder of the work folders.
        out: the output that the work is for.

    Raises:
        SetupError: if another run works on the same.
    """
    folder = (root / stage / mark).absolute()
    claim(folder)
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NOTE).write_text(json.dumps({"out": _place(out)}), encoding="utf-8")
    drop_old(root, folder)
    return folder


def _place(out: object) -> str:
    return str(out.resolve()) if isinstance(out, Path) else str(out)


def unfinished(root: Path = WORK, but: Path | None = None) -> list[Unfinished]:
    """Every work folder but one, the one that was used last comes last."""
    notes = [note for note in root.absolute().glob(f"*/*/{NOTE}") if note.parent != but]
    return sorted((_described(note.parent) for note in notes), key=lambda one: -one.days)


def _described(folder: Path) -> Unfinished:
    note, out, used = folder / NOTE, "", 0.0
    with suppress(OSError, ValueError, KeyError, TypeError):
        used = note.stat().st_mtime
        out = str(json.loads(note.read_text(encoding="utf-8"))["out"])
    return Unfinished(folder, out, max(0.0, time.time() - used) / _DAY, size(folder))


def size(folder: Path) -> int:
    """Bytes of all files below a folder, of which others may remove some meanwhile."""
    total = 0
    for place, _, names in os.walk(folder):
        for name in names:
            with suppress(OSError):
                total += os.lstat(f"{place}/{name}").st_size
    return total


def drop_old(root: Path, kept: Path, room: int | None = None) -> None:
    """Removes what nobody has worked on for `KEPT_DAYS`, and the oldest of what takes too much.

    Args:
        root: folder of the work folders.
        kept: the folder that is about to be used.
        room: bytes that all the rest may take; None = as much as is free on its disk.
    """
    for dropped in root.glob(f"*/{DROPPED}*"):
        drop(dropped)
    for other in kept.parent.iterdir():
        if other != kept and not (other / NOTE).exists():
            drop_unused(other)  # of an earlier version of this program, whose work nothing resumes
    left = unfinished(root, kept)
    total = sum(one.size for one in left)
    room = shutil.disk_usage(kept).free if room is None and left else room or 0
    for one in left:
        if one.days < KEPT_DAYS and total <= room:
            continue
        who = drop_unused(one.folder)
        if who is None:
            why = f"unused for {one.days:.0f} days" if one.days >= KEPT_DAYS else "more than the disk has room for"
            logger.warning("%s, unfinished work of %d MB, is removed: %s", one.folder, one.size // 1_000_000, why)
            total -= one.size


def drop_finished(work: Path) -> None:
    """Removes a work folder whose result is in its place, and older work for the same output."""
    out = _described(work).out
    drop(work)
    for other in _siblings(work):
        if out and _described(other).out == out:
            who = drop_unused(other)
            if who is None:
                logger.info("%s is removed: %s is finished with other parameters, inputs or code", other, out)
            else:
                logger.info("%s is left alone: %s works on it", other, who)


def _siblings(work: Path) -> Iterator[Path]:
    for note in work.parent.glob(f"*/{NOTE}"):
        if note.parent != work and not note.parent.name.startswith(DROPPED):
            yield note.parent


def user_of(folder: Path) -> str | None:
    """Who works on a folder or reads it, if anyone."""
    who = _claim_unused(folder)
    if who is None:
        release(folder)
    return who


def drop_unused(folder: Path) -> str | None:
    """Removes a folder that nobody works on or reads; returns who does, if anyone.

    Where the disk knows no locks, nobody can tell, and nothing is removed.
    """
    who = _claim_unused(folder)
    if who is None:
        drop(folder)
    return who


def _claim_unused(folder: Path) -> str | None:
    """Claims a folder that nobody works on or reads; else returns who does, and claims nothing."""
    if is_own(folder):
        return "this process"
    try:
        claim(folder)
    except SetupError:
        return user(lock_file(folder))
    if is_certain(folder):
        return None
    release(folder)
    return "perhaps another run"


def drop(work: Path) -> None:
    """Removes unfinished work, renamed first: no kill leaves markers of files that are gone.

    A worker that outlived its driver may still write into it or clean up after itself: it finds
    nothing there, and what it creates is removed by the next `work_folder`.
    """
    gone = work.with_name(f"{DROPPED}{work.name.removeprefix(DROPPED)}-{uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        work.rename(gone)
    if gone.is_dir():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink(missing_ok=True)
    release(work)
