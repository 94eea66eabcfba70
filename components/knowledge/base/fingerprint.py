"""The fingerprint of a knowledge base, which distinguishes it from any other.

What a crawl teaches (`data/labels`) counts the entities of one base and lies in the space of its
embeddings; with another base it would be noise that looks like evidence.
"""

import hashlib
import logging
from pathlib import Path

from components.errors import InputError
from components.knowledge.base.format import entity_table
from components.storage.json_files import read_json, write_json

logger = logging.getLogger(__name__)

FINGERPRINT = "fingerprint.json"
# Not part of what a base says.
_APART = frozenset({FINGERPRINT, "stats.json"})
_DIGEST = "sha256"


def write_fingerprint(folder: Path) -> None:
    """Writes the fingerprint of a finished base into it, so that nobody has to read all of it."""
    write_json(folder / FINGERPRINT, {_DIGEST: _digest(folder)})


def read_fingerprint(folder: Path) -> str:
    """The fingerprint of the base in `folder`: 64 hex digits, the same wherever it lies.

    A base that was built before there was such a file is read as a whole.

    Raises:
        InputError: if there is no base, or the file is damaged.
    """
    entity_table(folder)
    path = folder / FINGERPRINT
    if not path.is_file():
        logger.info("%s has no %s, so all of it is read; `mofi knowledge build` writes one", folder, FINGERPRINT)
        return _digest(folder)
    return fingerprint_in(path)


def fingerprint_in(path: Path) -> str:
    """What a `fingerprint.json` says.

    Raises:
        InputError: if it is damaged.
    """
    content = read_json(path)
    found = content.get(_DIGEST) if isinstance(content, dict) else None
    if not isinstance(found, str) or not found:
        raise InputError(f"{path} holds no {_DIGEST}; delete it, and the base is read as a whole instead")
    return found


def _digest(folder: Path) -> str:
    """SHA-256 over the names and contents of all files, sorted by name."""
    digest = hashlib.sha256()
    for path in sorted(path for path in folder.rglob("*") if path.is_file() and _is_part(path.name)):
        digest.update(f"{path.relative_to(folder).as_posix()}\n".encode())
        with path.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())
    return digest.hexdigest()


def _is_part(name: str) -> bool:
    """Not the marks of copying programs (`_SUCCESS`, `.DS_Store`)."""
    return name not in _APART and not name.startswith((".", "_"))
