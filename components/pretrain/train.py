"""From shards to a finished model folder: what a recipe reads, the resumable work folder, and the hand-over."""

import csv
import logging
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components import shard_map
from components.errors import InputError
from components.pretrain import recipes, towers, workers
from components.pretrain.cache import data_fingerprint, decode_shards
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters
from components.stage import read_json

logger = logging.getLogger(__name__)

# Decoded pictures lie apart from the recipes' work folders, since recipes that read the same shards share them.
DECODED = "decoded"
# They change how long a training takes or what it tells, not what comes out. The number of workers is not among them:
# each normalises by its own share of the batch where a tower has BatchNorm.
_WITHOUT_EFFECT = {
    "tower",  # its whole config counts instead of its name
    "threads",
    "head_device",
    "gradient_checkpointing",  # the same numbers, computed twice
    "max_failures",
    "max_error_share",
    "prefetch",
    "checkpoint_every",
    "validate_every",
    "log_every",
}
_FIRST_COLUMNS, _LAST_COLUMNS = ("images_seen", "step", "loss"), ("gradient_norm", "learning_rate")


@dataclass(frozen=True)
class Sources:
    """What a recipe reads: picture shards, and for recipes with labels the vocabulary and the validation shards, if any."""

    shards: Path
    vocabulary: Path | None = None
    validation: Path | None = None

    @property
    def folders(self) -> list[Path]:
        """All folders of shards; those that are trained on come first."""
        return [self.shards, *([self.validation] if self.validation else [])]


def find_sources(recipe: str, data: Path, parameters: PretrainParameters) -> Sources:
    """Looks at the folder, not at the pictures.

    Args:
        recipe: one of `recipes.RECIPES`.
        data: a folder of shards (recipes without labels), or of `train/`, `validation/` and `vocabulary.parquet`.
        parameters: the stage's section.

    Raises:
        ParameterError: if there is no such recipe or tower.
        InputError: if the folder lacks something.
    """
    towers.read_config(parameters.tower)
    if not recipes.make(recipe, parameters).uses_labels:
        return Sources(data)
    train, validation, vocabulary = data / "train", data / "validation", data / "vocabulary.parquet"
    for path in (train, vocabulary):
        if not path.exists():
            raise InputError(
                f"{path} is missing; the recipe {recipe} reads the data set that `mofi curate` writes (--data data/i2e)"
            )
    return Sources(train, vocabulary, validation if any(validation.glob("*.parquet")) else None)


def plan(recipe: str, sources: Sources, parameters: PretrainParameters, work: Path = shard_map.WORK) -> Job:
    """Decodes the pictures, unless that is done, and names the work folder after all that the result depends on.

    Raises:
        InputError: if there is no shard, or too many pictures are bad.
    """
    mark = fingerprint(sources, parameters)
    caches = [
        decode_shards(folder, parameters.picture_size, work / DECODED, parameters.max_error_share)
        for folder in sources.folders
    ]
    return Job(
        recipe=recipe,
        parameters=parameters,
        tower=towers.read_config(parameters.tower),
        cache=caches[0].absolute(),
        vocabulary=sources.vocabulary.absolute() if sources.vocabulary else None,
        validation=caches[1].absolute() if sources.validation else None,
        work=shard_map.work_folder(f"pretrain_{recipe}", mark, work),
    )


def fingerprint(sources: Sources, parameters: PretrainParameters) -> str:
    """Names what a training's result depends on: pictures, vocabulary, towers, and the knobs that have an effect."""
    return shard_map.fingerprint(
        parameters.model_dump(mode="json", exclude=_WITHOUT_EFFECT),
        towers.read_config(parameters.tower).to_json(),
        [data_fingerprint(folder) for folder in sources.folders],
        *([sources.vocabulary] if sources.vocabulary else []),
    )


def train(job: Job, out: Path, curve: Path) -> dict[str, Any]:
    """Trains to the end, or finds that this has been done; leaves the model folder in `out` and the curve in a csv file.

    Nothing is taken out of the work folder, so that a call which is killed can be repeated until `finish` removes it.

    Returns:
        The content of `metrics/pretrain_RECIPE.json`.

    Raises:
        MofiError: if what is read is missing or damaged, a loss is no number any more, or memory does not suffice.
    """
    if job.result.exists():
        logger.info("%s was trained before; what is left is to hand the model over", job.recipe)
    else:
        workers.fit(job)
    result = read_json(job.result)
    copy = job.work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(job.model, copy)
    shard_map.publish(copy, out)
    write_curve(curve, result["curve"])
    metrics: dict[str, Any] = result["metrics"]
    return metrics


def finish(job: Job) -> None:
    """Removes the work folder; call it when everything that was made is in its place."""
    # The result goes first: without it a call that finds half of the folder trains again from what it finds.
    job.result.unlink(missing_ok=True)
    shutil.rmtree(job.work)


def write_curve(path: Path, curve: list[dict[str, float]]) -> None:
    """One row a recorded step; the parts of the loss stand beside it. The same numbers give the same bytes."""
    parts = sorted(curve[0].keys() - {*_FIRST_COLUMNS, *_LAST_COLUMNS})
    columns = [*_FIRST_COLUMNS, *parts, *_LAST_COLUMNS]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(curve)
    partial.replace(path)
