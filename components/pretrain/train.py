"""From shards to a finished model folder: what a recipe reads, the resumable work folder, and the hand-over."""

import csv
import logging
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.errors import InputError, ParameterError
from components.execution.publication import publish_folder
from components.models import towers
from components.pretrain import recipes
from components.pretrain.checkpoints.store import open_store
from components.pretrain.checkpoints.writer import delete_checkpoints
from components.pretrain.data.picture_cache import data_fingerprint, decode_shards
from components.pretrain.data.picture_size import warn_of_small_pictures
from components.pretrain.data.stream import catalogue
from components.pretrain.data.stream.source import StreamConfig
from components.pretrain.initial import Initial, find
from components.pretrain.job import WITHOUT_EFFECT, Job
from components.pretrain.parameters import PretrainParameters
from components.pretrain.ray_train import trainer
from components.pretrain.training.open_data import CACHE, reading
from components.shards.folder import Place
from components.storage import work as work_folders
from components.storage.json_files import read_json
from components.storage.location import canonical, local_copy

logger = logging.getLogger(__name__)

# Decoded pictures lie apart from the recipes' work folders, since recipes that read the same shards share them.
DECODED = "decoded"
CATALOGUES = "catalogues"
_FIRST_COLUMNS, _LAST_COLUMNS = ("images_seen", "step", "loss"), ("gradient_norm", "learning_rate")


@dataclass(frozen=True)
class Sources:
    """What a recipe reads: picture shards, and for recipes with labels the vocabulary and the validation shards, if any.

    Shards in a bucket are named by URL. `reading` says how those that are trained on are read (`data.reading`).
    """

    shards: Path | str
    vocabulary: Path | None = None
    validation: Path | str | None = None
    reading: str = CACHE

    @property
    def folders(self) -> list[Path | str]:
        """All folders of shards; those that are trained on come first."""
        return [self.shards, *([self.validation] if self.validation else [])]


def find_sources(recipe: str, data: Path | str, parameters: PretrainParameters) -> Sources:
    """Looks at the folder, not at the pictures.

    Args:
        recipe: one of `recipes.RECIPES`.
        data: a folder, by path or URL, or s3://BUCKET/PREFIX: of shards (recipes without labels), or of `train/`, `validation/` and
            `vocabulary.parquet`.
        parameters: the stage's section.

    Raises:
        ParameterError: if there is no such recipe or tower, or pictures are decoded smaller than the tower takes them.
        InputError: if the folder lacks something.
    """
    side = towers.read_config(parameters.tower).image_size
    if parameters.picture_size < side:
        raise ParameterError(
            f"pretrain.picture_size is {parameters.picture_size}, but the tower {parameters.tower} takes {side} px: all pictures "
            f"would be enlarged; set it to {side} or more, or choose a tower for smaller pictures"
        )
    data = canonical(data)
    if not recipes.make(recipe, parameters).uses_labels:
        return Sources(data, reading=reading(data, parameters))
    if isinstance(data, str):
        return _in_bucket(recipe, data, parameters)
    train, validation, vocabulary = data / "train", data / "validation", data / "vocabulary.parquet"
    for path in (train, vocabulary):
        if not path.exists():
            raise InputError(
                f"{path} is missing; the recipe {recipe} reads the data set that `mofi curate` writes (--data data/i2e)"
            )
    kept = validation if any(validation.glob("*.parquet")) else None
    return Sources(train, vocabulary, kept, reading(train, parameters))


def _in_bucket(recipe: str, data: str, parameters: PretrainParameters) -> Sources:
    """The vocabulary is copied; it is needed whole, and small beside pictures."""
    from components.storage.s3 import Prefix  # boto3 takes its time and memory, which only buckets are to cost

    train, validation = (f"{data.rstrip('/')}/{part}" for part in ("train", "validation"))
    vocabulary = work_folders.WORK / "pretrain_vocabulary" / work_folders.fingerprint(data) / "vocabulary.parquet"
    vocabulary.parent.mkdir(parents=True, exist_ok=True)
    try:
        with local_copy(f"{data.rstrip('/')}/vocabulary.parquet") as copy:
            _replace(vocabulary, copy)
    except InputError as error:
        raise InputError(f"{error}; the recipe {recipe} reads the data set that `mofi curate` writes") from error
    has_validation = any(name.endswith(".parquet") for name in Prefix.of(validation).names())
    return Sources(train, vocabulary, validation if has_validation else None, reading(train, parameters))


def _replace(path: Path, by: Path) -> None:
    """At once: on a volume that machines share another run may be reading the file, and a third bringing it too."""
    partial = path.with_name(f"{path.name}.{uuid.uuid4().hex}.part")
    try:
        shutil.copyfile(by, partial)
        partial.replace(path)
    finally:
        partial.unlink(missing_ok=True)


@dataclass(frozen=True)
class Origin:
    """What a training begins from: `data` names pictures, texts, labels and vocabulary, `initial` the weights, if any."""

    data: str
    initial: Initial | None


def look(sources: Sources, parameters: PretrainParameters) -> Origin:
    """Lists all shards and finds the initial weights, which takes its time with buckets: once a run.

    Raises:
        InputError: if there is no shard, or there are no initial weights where they are said to be.
    """
    return Origin(data_mark(sources), find(parameters.initial))


def plan(
    recipe: str,
    sources: Sources,
    parameters: PretrainParameters,
    work: Path = work_folders.WORK,
    origin: Origin | None = None,
) -> Job:
    """Decodes the pictures, or looks through their indexes, and names the work folder after all that the result depends on.

    What was done before is found again.

    Args:
        recipe: one of `recipes.RECIPES`.
        sources: what it reads.
        parameters: the stage's section.
        work: where work folders lie.
        origin: what `look` found; None = it is looked for here.

    Raises:
        InputError: if there is no shard, too many pictures are bad, or there are no initial weights where they are said to be.
    """
    warn_of_small_pictures(sources.shards, parameters.picture_size)
    origin = origin or look(sources, parameters)
    folder = work_folders.work_folder(f"pretrain_{recipe}", fingerprint(origin, parameters), work)
    streamed = sources.reading != CACHE
    setting = _setting(sources, parameters, work, folder / "shards") if streamed else None
    caches = [
        decode_shards(one, parameters.picture_size, work / DECODED, parameters.max_error_share)
        for one in sources.folders[streamed:]
    ]
    return Job(
        recipe=recipe,
        parameters=parameters,
        tower=towers.read_config(parameters.tower),
        cache=setting.catalogue if setting else caches[0].absolute(),
        vocabulary=sources.vocabulary.absolute() if sources.vocabulary else None,
        validation=caches[-1].absolute() if sources.validation else None,
        work=folder,
        data=origin.data,
        store=store_of(recipe, parameters.checkpoints),
        initial=origin.initial,
        stream=setting,
    )


def _setting(sources: Sources, parameters: PretrainParameters, work: Path, scratch: Path) -> StreamConfig:
    place = Place(str(sources.shards.absolute() if isinstance(sources.shards, Path) else sources.shards))
    _warn_of_a_narrow_window(parameters)
    folder = catalogue.build(place, sources.vocabulary, work / CATALOGUES, parameters.max_error_share)
    return StreamConfig(folder, scratch, parameters.picture_size, parameters.window, parameters.seed)


def _warn_of_a_narrow_window(parameters: PretrainParameters) -> None:
    if parameters.window < parameters.workers:
        logger.warning(
            "pretrain.window is %d shards, fewer than pretrain.workers, which is %d: every shard is read by some %d workers; "
            "set pretrain.window to %d or more",
            parameters.window,
            parameters.workers,
            parameters.workers // parameters.window + 1,
            2 * parameters.workers,
        )


def fingerprint(origin: Origin, parameters: PretrainParameters) -> str:
    """Names what a training's result depends on: pictures, vocabulary, towers, initial weights, and knobs that have an effect."""
    return work_folders.fingerprint(
        parameters.model_dump(mode="json", exclude=WITHOUT_EFFECT),
        towers.read_config(parameters.tower).to_json(),
        origin.data,
        *([origin.initial.mark] if origin.initial else []),
    )


def data_mark(sources: Sources) -> str:
    """Names pictures, texts, labels and vocabulary."""
    return work_folders.fingerprint(
        [data_fingerprint(folder) for folder in sources.folders],
        sources.reading,
        *([sources.vocabulary] if sources.vocabulary else []),
    )


def store_of(recipe: str, location: str) -> str:
    """Where a recipe's checkpoints lie below `pretrain.checkpoints`; empty for in its work folder."""
    if not location:
        return ""
    return f"{location.rstrip('/')}/{recipe}" if "://" in location else str(Path(location).absolute() / recipe)


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
        trainer.fit(job)
    result = read_json(job.result)
    copy = job.work / "copy"
    shutil.rmtree(copy, ignore_errors=True)
    shutil.copytree(job.model, copy)
    publish_folder(copy, out)
    write_curve(curve, result["curve"])
    metrics: dict[str, Any] = result["metrics"]
    return metrics


def finish(job: Job) -> None:
    """Removes the work folder, and checkpoints of elsewhere that are not kept for good; call it when everything is in its place."""
    # The result goes first: without it a call that finds half of the folder trains again from what it finds.
    job.result.unlink(missing_ok=True)
    if job.store:
        delete_checkpoints(open_store(job.checkpoints, job.scratch(0)), job.parameters.keep_every)
    shutil.rmtree(job.work)


def write_curve(path: Path, curve: list[dict[str, float]]) -> None:
    """One row a recorded step; the parts of the loss and all else stand beside it, empty where nothing was measured.

    The same numbers give the same bytes.
    """
    parts = sorted({name for point in curve for name in point} - {*_FIRST_COLUMNS, *_LAST_COLUMNS})
    columns = [*_FIRST_COLUMNS, *parts, *_LAST_COLUMNS]
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(path.name + ".part")
    with partial.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, columns, lineterminator="\n")
        writer.writeheader()
        writer.writerows(curve)
    partial.replace(path)
