"""Plans a training: prepares its data, and names its work folder by a fingerprint."""

import logging
from dataclasses import dataclass
from pathlib import Path

from components.models import towers
from components.pretrain import recipes
from components.pretrain.data.picture_cache import decode_shards
from components.pretrain.data.picture_size import warn_of_small_pictures
from components.pretrain.data.stream import catalogue
from components.pretrain.data.stream.source import StreamConfig
from components.pretrain.initial_weights import InitialWeights, find_initial_weights
from components.pretrain.job import Job, without_effect
from components.pretrain.parameters import PretrainParameters
from components.pretrain.sources import Sources
from components.pretrain.training.data_source import CACHE
from components.seam import names_in
from components.shards.folder import ShardFolder
from components.storage import work as work_folders
from components.storage.code import closure, code_mark

logger = logging.getLogger(__name__)

# Recipes that read the same shards share decoded pictures and catalogues.
DECODED = "decoded"
CATALOGUES = "catalogues"
# Whose imports are all that trains.
CODE = "components.pretrain.train"


@dataclass(frozen=True)
class StartingPoint:
    """What a training starts from.

    Attributes:
        data: fingerprint of pictures, texts, labels and vocabulary.
        initial: the initial weights, if any.
    """

    data: str
    initial: InitialWeights | None


def find_starting_point(sources: Sources, parameters: PretrainParameters) -> StartingPoint:
    """Lists all shards and finds the initial weights. With buckets this takes a while: once a run.

    Raises:
        InputError: if there is no shard, or the initial weights are missing.
    """
    return StartingPoint(sources_fingerprint(sources), find_initial_weights(parameters.initial))


def plan_job(
    recipe: str,
    sources: Sources,
    parameters: PretrainParameters,
    work: Path = work_folders.WORK,
    start: StartingPoint | None = None,
    folder: Path | None = None,
) -> Job:
    """Decodes the pictures, or catalogues their shards, and names the work folder.

    Earlier work on the same training is found again.

    Args:
        recipe: a file of `components/pretrain/recipes`.
        sources: what it reads.
        parameters: the stage's section.
        work: folder of the work folders.
        start: from `find_starting_point`; None = it is found here.
        folder: from `training_folder`; None = it is claimed here.

    Raises:
        InputError: if there is no shard, too many pictures are bad, or the initial weights are
            missing.
    """
    warn_of_small_pictures(sources.shards, parameters.picture_size)
    start = start or find_starting_point(sources, parameters)
    folder = folder or training_folder(recipe, start, parameters, work)
    streamed = sources.mode != CACHE
    stream_config = _stream_config(sources, parameters, work, folder / "shards") if streamed else None
    caches = [
        decode_shards(one, parameters.picture_size, work / DECODED, parameters.max_error_share)
        for one in sources.folders[streamed:]
    ]
    return Job(
        recipe=recipe,
        parameters=parameters,
        tower=towers.read_config(parameters.tower),
        cache=stream_config.catalogue if stream_config else caches[0].absolute(),
        vocabulary=sources.vocabulary.absolute() if sources.vocabulary else None,
        validation=caches[-1].absolute() if sources.validation else None,
        work=folder,
        data=start.data,
        store=checkpoint_location(recipe, parameters.checkpoints),
        initial=start.initial,
        stream=stream_config,
        code=training_code(recipe),
    )


def training_folder(
    recipe: str,
    start: StartingPoint,
    parameters: PretrainParameters,
    work: Path = work_folders.WORK,
    out: Path | str = "",
) -> Path:
    """The work folder of a training, claimed; its name is the training's fingerprint.

    Args:
        recipe: see `plan_job`.
        start: see `plan_job`.
        parameters: see `plan_job`.
        work: folder of the work folders.
        out: the model folder that it is for.

    Raises:
        SetupError: if another run trains the same.
    """
    return work_folders.work_folder(f"pretrain_{recipe}", training_fingerprint(recipe, start, parameters), work, out)


def _stream_config(sources: Sources, parameters: PretrainParameters, work: Path, scratch: Path) -> StreamConfig:
    _warn_if_window_is_narrow(parameters)
    shards = ShardFolder.at(sources.shards)
    folder = catalogue.build(shards, sources.vocabulary, work / CATALOGUES, parameters.max_error_share)
    return StreamConfig(folder, scratch, parameters.picture_size, parameters.window, parameters.seed)


def _warn_if_window_is_narrow(parameters: PretrainParameters) -> None:
    if parameters.window < parameters.workers:
        logger.warning(
            "pretrain.window is %d shards, fewer than pretrain.workers, which is %d: every shard is read by some %d workers; "
            "set pretrain.window to %d or more",
            parameters.window,
            parameters.workers,
            parameters.workers // parameters.window + 1,
            2 * parameters.workers,
        )


def training_code(recipe: str) -> str:
    """The mark of all code that trains a recipe; other recipes do not count."""
    own = closure(f"{recipes.__name__}.{recipe}")
    others = {f"{recipes.__name__}.{name}" for name in names_in(recipes)} - own
    return code_mark(CODE, without=frozenset(others))


def training_fingerprint(recipe: str, start: StartingPoint, parameters: PretrainParameters) -> str:
    """Names what the result depends on: data, towers, initial weights, and effective parameters."""
    return work_folders.fingerprint(
        training_code(recipe),
        parameters.model_dump(mode="json", exclude=without_effect(recipe)),
        towers.read_config(parameters.tower).to_json(),
        start.data,
        *([start.initial.mark] if start.initial else []),
    )


def sources_fingerprint(sources: Sources) -> str:
    """Names pictures, texts, labels and vocabulary."""
    return work_folders.fingerprint(
        [ShardFolder.at(folder).mark() for folder in sources.folders],
        sources.mode,
        *([sources.vocabulary] if sources.vocabulary else []),
    )


def checkpoint_location(recipe: str, location: str) -> str:
    """A recipe's folder below `pretrain.checkpoints`; empty if they are in the work folder."""
    if not location:
        return ""
    return f"{location.rstrip('/')}/{recipe}" if "://" in location else str(Path(location).absolute() / recipe)
