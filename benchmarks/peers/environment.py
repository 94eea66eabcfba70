"""Environments of peers: made once, with exact versions, below `.work/benchmarks`."""

import logging
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

logger = logging.getLogger(__name__)

_FOLDER = Path(".work/benchmarks/environments")


def environment(name: str, packages: Sequence[str]) -> Path:
    """The interpreter of an environment that holds these packages (`warcio==1.7.5`); installs them if that was not done.

    Raises:
        subprocess.CalledProcessError: if they cannot be installed.
    """
    folder = (_FOLDER / name).absolute()
    python, ready = folder / "bin/python", folder / "packages.txt"
    wanted = "\n".join(packages)
    if ready.exists() and ready.read_text() == wanted:
        return python
    logger.info("installing %s into %s", ", ".join(packages), folder)
    shutil.rmtree(folder, ignore_errors=True)
    uv = [str(Path(sys.executable).parent / "uv"), "--quiet", "--system-certs"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([*uv, "pip", "install", "--python", str(python), *packages], check=True)
    ready.write_text(wanted)
    return python
