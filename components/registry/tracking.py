"""Where MLflow keeps its runs: SQLite and a local folder, or the environment's server."""

import logging
import os
from pathlib import Path
from urllib.error import HTTPError, URLError
from urllib.request import urlopen

import mlflow
from mlflow.exceptions import MlflowException

from components.errors import SetupError

logger = logging.getLogger(__name__)

EXPERIMENT = "mofi"
DATABASE = Path("mlflow.db")
ARTIFACTS = Path("mlartifacts")
_ANSWER_WITHIN = 5.0
# What the experiment is, or else MLflow's page guesses, and takes it for one of generative AI.
KIND = {"mlflow.experimentKind": "custom_model_development"}


def connect() -> str:
    """Points MLflow to `MLFLOW_TRACKING_URI` (default: `mlflow.db`); returns the experiment's id.

    Raises:
        SetupError: if the server or the database does not answer.
    """
    address = os.environ.get("MLFLOW_TRACKING_URI") or f"sqlite:///{DATABASE.absolute()}"
    if address.startswith(("http://", "https://")):
        _knock(address)
    for noisy in (
        "alembic",
        "mlflow.store.db.utils",
        "mlflow.utils.environment",
        "mlflow.system_metrics.system_metrics_monitor",
    ):
        logging.getLogger(noisy).setLevel(logging.WARNING)
    try:
        mlflow.set_tracking_uri(address)
        return _experiment(address)
    except (MlflowException, OSError) as error:
        raise SetupError(
            f"MLflow at {address} cannot be used ({error}); fix it, or unset MLFLOW_TRACKING_URI to use {DATABASE} here"
        ) from error


def _knock(address: str) -> None:
    """Asks once, briefly. An error code is an answer, too: a login may protect /health."""
    try:
        with urlopen(f"{address.rstrip('/')}/health", timeout=_ANSWER_WITHIN):  # noqa: S310 - http(s) only
            return
    except HTTPError:
        return
    except (URLError, OSError, ValueError) as error:
        raise SetupError(
            f"MLFLOW_TRACKING_URI is {address}, but no server answers there ({error}); start it "
            f"(`mlflow server --port …`), or unset the variable to use {DATABASE} here"
        ) from error


def _experiment(address: str) -> str:
    found = mlflow.get_experiment_by_name(EXPERIMENT)
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
