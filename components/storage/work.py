"""Work folders: unfinished work, named by a fingerprint of all that its result depends on."""

import hashlib
import logging
import shutil
from contextlib import suppress
from pathlib import Path
from uuid import uuid4

from pydantic import BaseModel

from components.errors import InputError

logger = logging.getLogger(__name__)

WORK = Path(".work")
_DROPPED = "dropped-"
# These decide when to stop and what is said meanwhile, not what the result is: whoever changes them keeps the finished shards.
_NO_PART_OF_THE_RESULT = {"max_error_share", "log_every"}


def fingerprint(*parts: object) -> str:
    """Twelve hex digits of what the result depends on.

    A pydantic model counts by its values (but for `max_error_share` and `log_every`), a file by its bytes, a folder by its files'
    names and bytes, anything else by its `repr`.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, BaseModel):
            digest.update(part.model_dump_json(exclude=_NO_PART_OF_THE_RESULT).encode())
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


def work_folder(stage: str, mark: str, root: Path = WORK) -> Path:
    """`.work/STAGE/FINGERPRINT`, made; leftovers of the same stage with other parameters are removed."""
    folder = (root / stage / mark).absolute()
    if folder.parent.exists():
        for other in folder.parent.iterdir():
            if other != folder:
                if not other.name.startswith(_DROPPED):
                    logger.info("%s: parameters or inputs changed, so %s is dropped", stage, other)
                drop(other)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def drop(work: Path) -> None:
    """Removes unfinished work, which is gone under its name at once: no kill leaves markers of files that are gone.

    A worker that outlived its driver may still write into it or clean up after itself: it finds nothing there, and what it makes
    stay is removed by the next `work_folder`.
    """
    gone = work.with_name(f"{_DROPPED}{work.name.removeprefix(_DROPPED)}-{uuid4().hex[:8]}")
    with suppress(FileNotFoundError):
        work.rename(gone)
    if gone.is_dir():
        shutil.rmtree(gone, ignore_errors=True)
    else:
        gone.unlink(missing_ok=True)
