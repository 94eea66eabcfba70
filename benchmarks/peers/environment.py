"""Environments of peers below `.work/benchmarks`, with the versions in `NAME.txt`."""

import logging
import shutil
import subprocess
import sys
from pathlib import Path

logger = logging.getLogger(__name__)

# The folder of the peers' scripts and of their lists of packages.
PEERS = Path(__file__).parent
_FOLDER = Path(".work/benchmarks/environments")


def environment(name: str) -> Path:
    """Returns the `bin` folder of a peer's environment and installs the environment if necessary.

    Raises:
        subprocess.CalledProcessError: if its packages cannot be installed.
    """
    folder = (_FOLDER / name).absolute()
    wanted, ready = PEERS / f"{name}.txt", folder / "packages.txt"
    if ready.exists() and ready.read_text() == wanted.read_text():
        return folder / "bin"
    logger.info("installing %s and what it needs into %s", name, folder)
    shutil.rmtree(folder, ignore_errors=True)
    uv = [str(Path(sys.executable).parent / "uv"), "--quiet", "--system-certs"]
    subprocess.run([*uv, "venv", "--python", sys.executable, str(folder)], check=True)
    subprocess.run([*uv, "pip", "install", "--python", str(folder / "bin/python"), "-r", str(wanted)], check=True)
    shutil.copy(wanted, ready)
    return folder / "bin"


def overlay(name: str) -> Path:
    """A folder for PYTHONPATH with the packages in `NAME.txt`, without their dependencies.

    It is for a peer that comes with a package of ours and lacks only these, so that it runs on the
    same torch.

    Raises:
        subprocess.CalledProcessError: if they cannot be installed.
    """
    folder = (_FOLDER / f"{name}-added").absolute()
    wanted, ready = PEERS / f"{name}.txt", folder / "packages.txt"
    if ready.exists() and ready.read_text() == wanted.read_text():
        return folder
    logger.info("installing %s into %s", ", ".join(wanted.read_text().split()), folder)
    shutil.rmtree(folder, ignore_errors=True)
    uv = [str(Path(sys.executable).parent / "uv"), "--quiet", "--system-certs", "pip", "install", "--no-deps"]
    subprocess.run([*uv, "--python", sys.executable, "--target", str(folder), "-r", str(wanted)], check=True)
    shutil.copy(wanted, ready)
    return folder
