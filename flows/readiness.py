"""What a run of the chain needs, checked before it starts anything."""

import os
from http import HTTPStatus
from pathlib import Path

from components.errors import SetupError
from components.execution.server import ask_health
from components.redaction import show_url

# It asks for a login, which the flow has.
_LOGIN = (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN)


def check_repository() -> None:
    """Checks that DVC can work in this folder.

    Raises:
        SetupError: if it is no git clone, or not the root of the project.
    """
    here = Path.cwd()
    missing = [name for name in ("dvc.yaml", ".dvc") if not (here / name).exists()]
    if missing:
        raise SetupError(f"{here} has no {' and no '.join(missing)}; run it in the root of this project")
    config = here / ".dvc" / "config"
    without_git = config.is_file() and "no_scm = true" in config.read_text(encoding="utf-8").lower()
    if not without_git and not any((folder / ".git").exists() for folder in (here, *here.parents)):
        raise SetupError(
            f"{here} is no git clone, which DVC needs; clone the project, or run `git init` here if it was unpacked"
        )


def check_prefect(address: str | None) -> None:
    """Checks that a Prefect server answers at an address, if there is one.

    Raises:
        SetupError: if none does; Prefect itself would try for minutes.
    """
    if not address:
        return
    try:
        status = ask_health(address)
        if status < HTTPStatus.BAD_REQUEST or status in _LOGIN:
            return
        problem = f"HTTP {status}"
    except (OSError, ValueError) as error:
        problem = str(error)
    raise SetupError(
        f"no Prefect server answers at PREFECT_API_URL={show_url(address)} ({problem}); start it (`prefect server start`), or "
        "unset PREFECT_API_URL to use a server for this run alone"
    )


def check_prefect_home() -> None:
    """Checks that Prefect can keep its database.

    Raises:
        SetupError: if its folder cannot be written.
    """
    home = Path(os.environ["PREFECT_HOME"])
    try:
        home.mkdir(parents=True, exist_ok=True)
        trial = home / f".writable-{os.getpid()}"
        trial.touch()
        trial.unlink()
    except OSError as error:
        raise SetupError(
            f"PREFECT_HOME={home} cannot be written ({error.strerror or error}); make it writable, or name another folder"
        ) from error
