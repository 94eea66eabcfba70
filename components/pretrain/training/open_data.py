"""What a worker trains on, from decoded pictures or straight from shards: which of both is a parameter."""

from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Protocol

import pyarrow as pa
import pyarrow.parquet as pq

from components.errors import InputError
from components.models.tokenizer import tokenizer_of
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

CACHE, STREAM = "cache", "stream"


class TrainingData(Protocol):
    """What is known of the pictures besides their batches: how many there are, their classes, and what cannot be used."""

    def __len__(self) -> int: ...
    @property
    def vocabulary(self) -> Vocabulary | None:
        """The classes, if labels are trained on."""

    @property
    def dropped(self) -> Counter[str]:
        """Pictures that the recipe cannot use, by reason."""


class Batches(Protocol):
    """Makes batches."""

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of the steps `start` to `stop` - 1."""


def open_data(job: Job, recipe: Recipe, partition: BatchPartition) -> tuple[TrainingData, Batches]:
    """What `job` reads, and what makes one worker's share of its batches.

    Raises:
        InputError: if no picture is left for the recipe, or what is read is missing or damaged.
    """
    p = job.parameters
    tokenizer = partial(tokenizer_of, job.tower) if recipe.uses_texts else None
    if job.stream is not None:
        plan = LoaderConfig(job.stream, partition, p.text, tokenizer)
        loader = StreamLoader(plan, p.prefetch, p.decoders, p.max_error_share)
        return loader, loader
    samples = select_samples(
        DecodedPictures(job.cache), recipe, read_vocabulary(job.vocabulary) if job.vocabulary else None
    )
    return samples, Loader(samples, partition, p.seed, p.prefetch, p.text, tokenizer() if tokenizer else None)


def reading(folder: Path | str, parameters: PretrainParameters) -> str:
    """`cache`, or `stream` with what it mixes: what `pretrain.source` means for these shards.

    Raises:
        InputError: if there is no shard, or an index cannot be read.
    """
    streamed = f"{STREAM}, windows of {parameters.window} shards"
    if parameters.source == CACHE:
        return CACHE
    if parameters.source == STREAM or isinstance(folder, str):
        return streamed
    left = parameters.cache_gigabytes * 1e9
    for number in shard_numbers(folder):
        path = folder / f"{shard_name(number)}.parquet"
        try:
            left -= pq.read_metadata(path).num_rows * parameters.picture_size**2 * 3
        except (pa.ArrowException, OSError) as error:
            raise InputError(f"{path} is no index ({error}); run the stage that writes it again") from error
        if left < 0:
            return streamed
    return CACHE
