"""Runs a training to a finished model folder, and cleans up after it."""

import csv
import logging
import shutil
from pathlib import Path
from typing import Any

from components.pretrain.checkpoints.store import open_store
from components.pretrain.checkpoints.writer import delete_checkpoints
from components.pretrain.job import Job
from components.pretrain.ray_train import trainer
from components.storage.atomic import new_file, publish_folder
from components.storage.json_files import read_json
from components.storage.work import drop_finished

logger = logging.getLogger(__name__)

_FIRST_COLUMNS, _LAST_COLUMNS = ("images_seen", "step", "loss"), ("gradient_norm", "learning_rate")


def train(job: Job, out: Path, curve: Path) -> dict[str, Any]:
    """Trains to the end, or what is left of it; writes the model to `out` and the curve as CSV.

    The work folder stays complete until `clean_up`, so a killed call can be repeated.

    Returns:
        The content of `metrics/pretrain_RECIPE.json`.

    Raises:
        MofiError: if input is missing or damaged, the training diverges, or memory does not
            suffice.
    """
    if job.result.exists():
        logger.info("%s is already trained; publishing its model", job.recipe)
    else:
        trainer.fit(job)
    result = read_json(job.result)
    copy = job.work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(job.model, copy)
    publish_folder(copy, out)
    write_curve(curve, result["curve"])
    metrics: dict[str, Any] = result["metrics"]
    return metrics


def clean_up(job: Job) -> None:
    """Deletes the work folder, and a separate store's checkpoints that are not permanent."""
    # The result first: without it, a call that finds half of the folder trains again from that.
    job.result.unlink(missing_ok=True)
    if job.store:
        delete_checkpoints(open_store(job.checkpoints, job.scratch(0)), job.parameters.keep_every)
    drop_finished(job.work)


def write_curve(path: Path, curve: list[dict[str, float]]) -> None:
    """Writes one row per recorded step; cells are empty where nothing was measured.

    The same numbers give the same bytes.
    """
    parts = sorted({name for point in curve for name in point} - {*_FIRST_COLUMNS, *_LAST_COLUMNS})
    columns = [*_FIRST_COLUMNS, *parts, *_LAST_COLUMNS]
    with new_file(path) as partial, partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(curve)
