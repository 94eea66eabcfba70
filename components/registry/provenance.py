"""What a result was made from: the git commit, and DVC's hashes of files and folders."""

import hashlib
import os
import subprocess
from pathlib import Path
from typing import Any

import yaml

UNVERSIONED = "unversioned"
LOCK = Path("dvc.lock")
# The commit that an image was built from, in which there is no clone.
COMMIT_VARIABLE = "MOFI_COMMIT"


def git_commit() -> dict[str, str]:
    """Tags: the commit, and whether tracked files differ from it.

    Outside a git clone the commit is `MOFI_COMMIT`, or `unversioned`.
    """
    commit = _git("rev-parse", "HEAD")
    if commit is None:
        return {"mlflow.source.git.commit": os.environ.get(COMMIT_VARIABLE) or UNVERSIONED}
    changed = _git("status", "--porcelain", "--untracked-files=no")
    return {"mlflow.source.git.commit": commit, "git.changed_files": str(len((changed or "").splitlines()))}


def _git(*arguments: str) -> str | None:
    try:
        done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False, timeout=30)
    except (FileNotFoundError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None


def dvc_hash(path: Path, lock: Path = LOCK) -> str:
    """A path's hash in `dvc.lock`, as an output, else as a dependency; else `unversioned`."""
    if not lock.is_file():
        return UNVERSIONED
    content: dict[str, Any] = yaml.safe_load(lock.read_text(encoding="utf-8")) or {}
    wanted = path.as_posix()
    for kind in ("outs", "deps"):
        for stage in content.get("stages", {}).values():
            for entry in stage.get(kind, []):
                if entry["path"] == wanted and "md5" in entry:
                    return str(entry["md5"])
    return UNVERSIONED


def digest(folder: Path) -> str:
    """sha256 over the names and bytes of a folder's files, independent of its location."""
    total = hashlib.sha256()
    for file in sorted(p for p in folder.rglob("*") if p.is_file()):
        total.update(file.relative_to(folder).as_posix().encode() + b"\0")
        with file.open("rb") as stream:
            total.update(hashlib.file_digest(stream, "sha256").digest())
    return total.hexdigest()
