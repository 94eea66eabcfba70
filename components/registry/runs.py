"""One MLflow run per stage that trains or measures, with the figures that the stage wrote."""

import csv
import logging
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import mlflow
from mlflow.data.dataset_source_registry import resolve_dataset_source
from mlflow.data.meta_dataset import MetaDataset
from mlflow.entities import Metric, Run

from components.errors import InputError
from components.redaction import show_url
from components.registry import model, tracking
from components.registry.provenance import dvc_hash, git_commit
from components.section import Section
from components.storage.json_files import flatten, read_json

logger = logging.getLogger(__name__)

# The x axis of every curve, so that recipes with other batches can be laid over each other.
CURVE_STEP = "images_seen"
_METRICS_PER_CALL = 1000
_SAMPLE_EVERY = 5.0
_RESUMES = "resumes"


@dataclass(frozen=True)
class StageRun:
    """An open MLflow run of one stage."""

    id: str
    name: str

    def log_metrics(self, path: Path) -> None:
        """Every number of a metrics file, nested keys joined by dots, and the file itself."""
        numbers = {key: float(value) for key, value in flatten(read_json(path)) if is_number(value)}
        self._send([Metric(key, value, _now(), 0) for key, value in numbers.items()])
        mlflow.log_artifact(str(path))

    def log_curves(self, path: Path) -> None:
        """A csv of curves: every column over `images_seen`.

        Raises:
            InputError: if the file is missing or lacks that column.
        """
        self.log_points([(f"curve.{name}", value, step) for name, value, step in read_curves(path)])
        mlflow.log_artifact(str(path))

    def log_points(self, points: Sequence[tuple[str, float, int]]) -> None:
        """Logs (metric, value, step) beyond the newest step that the run has of each metric.

        A resumed training repeats steps, with the same values.
        """
        client = mlflow.MlflowClient()
        newest = {
            name: max((past.step for past in client.get_metric_history(self.id, name)), default=-1)
            for name in {name for name, _, _ in points}
        }
        fresh = []
        for name, value, step in points:
            if step > newest[name]:
                newest[name] = step
                fresh.append(Metric(name, value, _now(), step))
        self._send(fresh)

    def log_model(self, folder: Path) -> str:
        """Logs a model folder as it is, loadable by `mlflow.pyfunc.load_model`; returns its URI."""
        return model.log(folder)

    def _send(self, metrics: list[Metric]) -> None:
        client = mlflow.MlflowClient()
        for start in range(0, len(metrics), _METRICS_PER_CALL):
            client.log_batch(self.id, metrics=metrics[start : start + _METRICS_PER_CALL])


@contextmanager
def stage_run(
    name: str,
    parameters: Section,
    *,
    inputs: Sequence[Path] = (),
    tags: Mapping[str, str] | None = None,
    resumes: str | None = None,
) -> Iterator[StageRun]:
    """Opens a stage's run and samples the machine's load; a body that raises marks it as failed.

    Args:
        name: the stage's name, as its metrics file has it.
        parameters: the stage's section of params.yaml, logged flattened.
        inputs: paths that the stage reads, as dvc.yaml has them: logged as datasets with DVC's hash
            as digest.
        tags: further tags of the run.
        resumes: what the stage works on, a fingerprint; the newest run of the same that did not
            finish goes on, if there is one.

    Raises:
        SetupError: at once, if the tracking server does not answer; or if it fails meanwhile.
    """
    tracking.connect()
    with tracking.answering(), _open(name, parameters, inputs, tags or {}, resumes) as run:
        yield StageRun(run.info.run_id, name)
    logger.info("logged to MLflow: run %s (%s)", name, run.info.run_id)


@contextmanager
def _open(
    name: str, parameters: Section, inputs: Sequence[Path], tags: Mapping[str, str], resumes: str | None
) -> Iterator[Run]:
    mlflow.set_system_metrics_sampling_interval(_SAMPLE_EVERY)
    mlflow.set_system_metrics_samples_before_logging(1)
    earlier = _unfinished(name, resumes) if resumes else None
    with mlflow.start_run(run_id=earlier, run_name=name, log_system_metrics=True) as run:
        mlflow.set_tags({"stage": name} | git_commit() | dict(tags) | ({_RESUMES: resumes} if resumes else {}))
        if earlier:
            logger.info("%s goes on in the MLflow run %s", name, earlier)
        else:
            mlflow.log_params({key: _shown(value) for key, value in flatten(parameters.model_dump(mode="json"))})
            for path in inputs:
                mlflow.log_input(_dataset(path), context=name)
        yield run


def _shown(value: Any) -> Any:
    """A parameter for people: locations without passwords and signatures."""
    return (
        [_shown(part) for part in value]
        if isinstance(value, list)
        else show_url(value)
        if isinstance(value, str)
        else value
    )


def _unfinished(name: str, mark: str) -> str | None:
    wanted = f"tags.stage = '{name}' and tags.{_RESUMES} = '{mark}' and attributes.status != 'FINISHED'"
    found = mlflow.search_runs(
        filter_string=wanted, order_by=["attributes.start_time DESC"], max_results=1, output_format="list"
    )
    return str(found[0].info.run_id) if found else None


def _dataset(path: Path) -> MetaDataset:
    with warnings.catch_warnings():
        # MLflow knows a local folder under two names for the same class.
        warnings.simplefilter("ignore", UserWarning)
        source = resolve_dataset_source(path.absolute().as_uri())
    return MetaDataset(source, name=path.as_posix(), digest=dvc_hash(path))


def is_number(value: Any) -> bool:
    """Whether MLflow can draw it: an int or float, no bool."""
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def read_curves(path: Path) -> list[tuple[str, float, int]]:
    """A csv of curves → (column, value, images seen); empty cells are left out."""
    if not path.is_file():
        raise InputError(f"{path} is missing; `mofi pretrain` writes it")
    with path.open(encoding="utf-8", newline="") as stream:
        rows = list(csv.DictReader(stream))
    if rows and CURVE_STEP not in rows[0]:
        raise InputError(f"{path} has no column {CURVE_STEP}; run `mofi pretrain` again")
    return [
        (name, float(value), int(float(row[CURVE_STEP])))
        for row in rows
        for name, value in row.items()
        if name not in (CURVE_STEP, "step") and value
    ]


def _now() -> int:
    return int(time.time() * 1000)
