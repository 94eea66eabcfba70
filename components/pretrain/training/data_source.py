"""The data of a training: decoded pictures, or shards, depending on `pretrain.source`."""

import logging
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.models.tokenizer import make_tokenizer
from components.pretrain.data.batch import Batch, BatchPartition
from components.pretrain.data.loader import Loader
from components.pretrain.data.picture_cache import DecodedPictures
from components.pretrain.data.samples import select_samples
from components.pretrain.data.stream.loader import LoaderConfig, StreamLoader
from components.pretrain.data.vocabulary import Vocabulary, read_vocabulary
from components.pretrain.job import Job
from components.pretrain.parameters import PretrainParameters
from components.pretrain.recipes import Recipe
from components.shards.format import shard_name, shard_numbers

logger = logging.getLogger(__name__)

CACHE, STREAM = "cache", "stream"


class TrainingData(Protocol):
    """What is known of the pictures besides their batches."""

    def __len__(self) -> int: ...
    @property
    def vocabulary(self) -> Vocabulary | None:
        """The classes, if labels are trained on."""

    @property
    def dropped(self) -> Counter[str]:
        """Unusable pictures, by reason."""


class BatchLoader(Protocol):
    """Loads batches."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps `start` to `stop` - 1."""


def open_data(job: Job, recipe: Recipe, partition: BatchPartition) -> tuple[TrainingData, BatchLoader]:
    """Opens the data of `job`, and the loader of one worker's part of its batches.

    The first worker warns if a batch has room for more pictures than there are.

    Raises:
        InputError: if no picture is left for the recipe, or data is missing or damaged.
    """
    data, loader = _open(job, recipe, partition)
    if partition.rank == 0 and len(data) < job.parameters.batch:
        logger.warning(
            "pretrain.batch is %d, but %s has only %d pictures to train on: each batch repeats some, and takes a picture's "
            "copies for other pictures; lower pretrain.batch, or add pictures",
            job.parameters.batch,
            job.recipe,
            len(data),
        )
    return data, loader


def _open(job: Job, recipe: Recipe, partition: BatchPartition) -> tuple[TrainingData, BatchLoader]:
    p = job.parameters
    tokenizer = partial(make_tokenizer, job.tower) if recipe.uses_texts else None
    if job.stream is not None:
        config = LoaderConfig(job.stream, partition, p.text, tokenizer)
        loader = StreamLoader(config, p.prefetch, p.decoders, p.max_error_share)
        return loader, loader
    samples = select_samples(
        DecodedPictures(job.cache), recipe, read_vocabulary(job.vocabulary) if job.vocabulary else None
    )
    return samples, Loader(samples, partition, p.seed, p.prefetch, p.text, tokenizer() if tokenizer else None)


def resolve_source(folder: Path | str, parameters: PretrainParameters) -> str:
    """What `pretrain.source` means for these shards: `cache`, or `stream` with its window.

    Raises:
        InputError: if there is no shard, or an index cannot be read.
    """
    stream = f"{STREAM}, windows of {parameters.window} shards"
    if parameters.source == CACHE:
        return CACHE
    if parameters.source == STREAM or isinstance(folder, str):
        return stream
    budget = parameters.cache_gigabytes * 1e9
    for number in shard_numbers(folder):
        path = folder / f"{shard_name(number)}.parquet"
        try:
            budget -= pq.read_metadata(path).num_rows * parameters.picture_size**2 * 3
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path} is not an index ({error}); run the stage that writes it again") from error
        if budget < 0:
            return stream
    return CACHE
