"""Where MLflow keeps its runs: SQLite and a local folder, or the environment's server."""

import logging
import os
import shlex
import sqlite3
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path

import mlflow
from mlflow.exceptions import MlflowException
from sqlalchemy.exc import SQLAlchemyError

from components.errors import SetupError
from components.execution.server import ask_health
from components.redaction import show_url, without_user
from components.registry import database

logger = logging.getLogger(__name__)

EXPERIMENT = "mofi"
DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlartifacts")
_VARIABLE, _REGISTRY = "MLFLOW_TRACKING_URI", "MLFLOW_REGISTRY_URI"
_USER, _PASSWORD = "MLFLOW_TRACKING_USERNAME", "MLFLOW_TRACKING_PASSWORD"
# What the experiment is, or else MLflow's page guesses, and takes it for one of generative AI.
KIND = {"mlflow.experimentKind": "custom_model_development"}
# Addresses that this process used because none was given.
_own: set[str] = set()


def connect() -> str:
    """Points MLflow to `MLFLOW_TRACKING_URI` (default: `mlflow.db`); returns the experiment's id.

    Raises:
        SetupError: if the server or the database does not answer.
    """
    address = _address()
    if not _given():
        _own.add(address)
    if _is_web(address):
        _knock(address)
    for noisy in (
        "alembic",
        "mlflow.store.db.utils",
        "mlflow.utils.environment",
        "mlflow.system_metrics.system_metrics_monitor",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        with answering(), database.alone(address):
            mlflow.set_tracking_uri(address)
            file = database.file_of(address)
            if file is not None and file.absolute() == DATABASE.absolute():
                database.follow(file, ARTIFACTS)
            return _experiment(address)
    except OSError as error:
        raise SetupError(f"MLflow at {_place()} cannot be used ({error}); {_fix(str(error))}") from error


@contextmanager
def answering() -> Iterator[None]:
    """What MLflow cannot do becomes a sentence.

    Raises:
        SetupError: if the server or the database fails, or a run or an experiment is deleted.
    """
    try:
        yield
    except (MlflowException, SQLAlchemyError, sqlite3.Error, ImportError) as error:
        said = " ".join(str(error).partition("[SQL")[0].split())
        raise SetupError(f"MLflow at {_place()} cannot be used ({said}); {_fix(said)}") from error


def alone() -> AbstractContextManager[None]:
    """Keeps other processes from changing the registry meanwhile (`database.alone`)."""
    return database.alone(mlflow.get_tracking_uri())


def _given() -> str:
    """The user's address; MLflow itself sets the variable to what this module tells it."""
    address = os.environ.get(_VARIABLE, "")
    return "" if address in _own else address


def _place() -> str:
    return show_url(_given() or DATABASE.absolute())


def _place_uri() -> str:
    return _given() or f"sqlite:///{DATABASE}"


def _fix(said: str) -> str:
    lower = said.lower()
    if "lifecycle_stage" in lower or "must be in the 'active' state" in lower or "deleted" in lower:
        return "what it names was deleted: `mlflow runs restore --run-id ID` or `mlflow experiments restore -x ID` brings it back"
    if "locked" in lower:
        return "another program keeps it locked: end it, and run again; what is finished is kept"
    if "disk is full" in lower or "disk i/o error" in lower or "no space left" in lower:
        return "the disk is full: free some space, and run again; what is finished is kept"
    if "readonly" in lower or "read-only" in lower or "permission" in lower:
        return "make it and its folder writable, and run again"
    if _given():
        return f"fix it, or unset MLFLOW_TRACKING_URI to use {DATABASE} here"
    return f"fix it, or move {DATABASE} away to begin with an empty one"


def _address() -> str:
    """The tracking server or database.

    MLflow has a server's user and password from variables of its own, and so has every process that
    this one starts: in an address, they would stand in what MLflow prints.
    """
    address = _given()
    logins = {login for name in (_VARIABLE, _REGISTRY) if (login := _without_login(name)) is not None}
    if len(logins) > 1:
        raise SetupError(
            f"{_VARIABLE} and {_REGISTRY} name different users, but MLflow knows one login for both; leave them out of the "
            f"addresses, and set {_USER} and {_PASSWORD}"
        )
    for user, password in logins:
        os.environ.update({_USER: user, _PASSWORD: password})
    return without_user(address)[0] if _is_web(address) else address or f"sqlite:///{DATABASE.absolute()}"


def _is_web(address: str) -> bool:
    return address.startswith(("http://", "https://"))


def _without_login(variable: str) -> tuple[str, str] | None:
    """Takes user and password out of the web address in a variable; None if it has none."""
    address = os.environ.get(variable, "")
    if not _is_web(address):
        return None
    plain, user, password = without_user(address)
    if not user:
        return None
    os.environ[variable] = plain
    return user, password


def _knock(address: str) -> None:
    """Raises SetupError if no server answers there."""
    try:
        ask_health(address)
    except ValueError:
        raise SetupError(
            f"MLFLOW_TRACKING_URI is {show_url(address)}, which is no address of a server; encode `/`, `#`, `?` and `@` in a "
            "password (`%2F`, `%23`, `%3F`, `%40`)"
        ) from None
    except OSError as error:
        raise SetupError(
            f"MLFLOW_TRACKING_URI is {show_url(address)}, but no server answers there ({error}); start it "
            f"(`mlflow server --port …`), or unset the variable to use {DATABASE} here"
        ) from error


def _experiment(address: str) -> str:
    found = mlflow.get_experiment_by_name(EXPERIMENT)
    if found is not None and found.lifecycle_stage == "deleted":
        raise SetupError(
            f"the experiment {EXPERIMENT} of MLflow was deleted; bring it back: MLFLOW_TRACKING_URI={shlex.quote(_place_uri())} "
            f"mlflow experiments restore -x {found.experiment_id}"
        )
    if found is not None:
        for name, value in KIND.items():
            if name not in found.tags:  # a kind that was chosen on MLflow's page stays
                mlflow.MlflowClient().set_experiment_tag(found.experiment_id, name, value)
        return str(mlflow.set_experiment(EXPERIMENT).experiment_id)
    # With an embedded database the files lie in a folder of ours; a server has its own place for
    # them.
    location = ARTIFACTS.absolute().as_uri() if address.startswith("sqlite:") else None
    try:
        mlflow.create_experiment(EXPERIMENT, artifact_location=location, tags=KIND)
    except MlflowException:
        # Another process may have made it in the meantime.
        if mlflow.get_experiment_by_name(EXPERIMENT) is None:
            raise
    return str(mlflow.set_experiment(EXPERIMENT).experiment_id)
