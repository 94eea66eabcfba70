"""Batches read from shards, decoded in processes. A batch depends on its step alone."""

import multiprocessing
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import cached_property
from multiprocessing import forkserver
from threading import Thread

import torch
from torch.utils.data import DataLoader, Dataset

from components.errors import InputError, MofiError, SetupError
from components.execution.prefetch import prefetch
from components.models.tokenizer import Tokenizer
from components.pretrain.data.batch import Batch, BatchPartition
from components.pretrain.data.collator import Collator
from components.pretrain.data.stream.mapped_vocabulary import read_columns
from components.pretrain.data.stream.shard_prefetcher import ShardPrefetcher
from components.pretrain.data.stream.source import StreamConfig, StreamSource
from components.pretrain.data.vocabulary import Vocabulary
from components.pretrain.parameters import TextParameters

# With fewer pictures the share of bad ones means nothing.
_MIN_ATTEMPTS = 100


@dataclass(frozen=True)
class LoaderConfig:
    """What a decoding process needs to make batches.

    Attributes:
        stream: the source.
        partition: of the worker that the batches are for.
        text: parameters of the texts.
        tokenizer: makes the tokenizer; None for recipes without texts.
    """

    stream: StreamConfig
    partition: BatchPartition
    text: TextParameters
    tokenizer: Callable[[], Tokenizer] | None


class _StepDataset(Dataset[Batch | MofiError]):
    """Step → batch. Processes open files at their first batch; errors are returned as values."""

    def __init__(self, config: LoaderConfig) -> None:
        self._config = config

    def __getstate__(self) -> LoaderConfig:
        return self._config

    def __setstate__(self, config: LoaderConfig) -> None:
        self._config = config

    def __getitem__(self, step: int) -> Batch | MofiError:
        try:
            return self.batch(step)
        except MofiError as error:
            return error

    def batch(self, step: int) -> Batch:
        drawn = self.source.read(step)
        batch = self._collator.collate(step, drawn.pictures, drawn.alt_texts, drawn.classes)
        return replace(batch, skipped=drawn.skipped)

    @cached_property
    def source(self) -> StreamSource:
        return StreamSource(self._config.stream, self._config.partition)

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        file = self.source.catalogue.vocabulary
        return Vocabulary(*read_columns(file)) if file else None

    @cached_property
    def _collator(self) -> Collator:
        config = self._config
        tokenizer = config.tokenizer() if config.tokenizer else None
        return Collator(config.partition, config.stream.seed, config.text, self.vocabulary, tokenizer)


class StreamLoader:
    """Loads batches straight from shards.

    Attributes:
        vocabulary: the classes, if labels are trained on.
        dropped: unusable pictures, by reason.
    """

    def __init__(self, config: LoaderConfig, prefetch: int, decoders: int, max_error_share: float) -> None:
        """Takes how many batches to prefetch, and in how many processes (0 = a thread)."""
        self._config, self._prefetch = config, prefetch
        self._decoders, self._max_error_share = decoders, max_error_share
        self._steps = _StepDataset(config)
        self.vocabulary = self._steps.vocabulary
        self.dropped = self._steps.source.catalogue.dropped
        if decoders:
            _start_forkserver()

    def __len__(self) -> int:
        return len(self._steps.source.order)

    def batch(self, step: int) -> Batch:
        """The batch of one step, without prefetching; raises as `StreamSource.read` does."""
        return self._steps.batch(step)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of steps `start` to `stop` - 1.

        Raises:
            InputError: as `StreamSource.read` does, or if too many pictures are bad.
            SetupError: as `StreamSource.read` does, or if a decoding process dies.
        """
        skipped = seen = 0
        with ShardPrefetcher(self._steps.source, self._config.partition) as prefetcher:
            steps = self._prefetch_shards(range(start, stop), prefetcher)
            for batch in (
                self._in_processes(steps) if self._decoders else prefetch(map(self.batch, steps), self._prefetch)
            ):
                seen += len(batch.pictures)
                skipped += batch.skipped
                self._check_error_share(skipped, seen)
                yield batch

    def _prefetch_shards(self, steps: range, prefetcher: ShardPrefetcher) -> Iterator[int]:
        for step in steps:
            prefetcher.prefetch(step)
            yield step

    def _in_processes(self, steps: Iterator[int]) -> Iterator[Batch]:
        loader = DataLoader(
            self._steps,
            batch_size=None,
            sampler=_StepSampler(steps),
            num_workers=self._decoders,
            prefetch_factor=max(1, -(-self._prefetch // self._decoders)),
            # Forking a process with threads, as Ray and torch have, may deadlock.
            multiprocessing_context=multiprocessing.get_context("forkserver"),
            worker_init_fn=_exit_with_parent,
        )
        try:
            for made in loader:
                if isinstance(made, MofiError):
                    raise made
                yield made
        except RuntimeError as error:
            if "DataLoader worker" not in str(error):
                raise
            raise SetupError(
                f"a decoding process died ({error}); if memory ran out, lower pretrain.decoders or pretrain.prefetch"
            ) from error

    def _check_error_share(self, bad: int, seen: int) -> None:
        attempted = seen + bad
        if attempted >= _MIN_ATTEMPTS and bad > self._max_error_share * attempted:
            raise InputError(
                f"{bad} of {attempted} pictures of {self._steps.source.catalogue.shards.location} cannot be decoded, "
                f"more than pretrain.max_error_share = {self._max_error_share:g} allows; "
                "run the stage that writes them again, or raise it"
            )


def _start_forkserver() -> None:
    """The fork server imports the modules once for all decoding processes."""
    forkserver.set_forkserver_preload([__name__])
    forkserver.ensure_running()


def _exit_with_parent(number: int) -> None:
    """Exits when the trainer is killed; torch's watchdog only watches the fork server."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    Thread(target=watch, name="watch-parent", daemon=True).start()


class _StepSampler(torch.utils.data.Sampler[int]):
    """The given steps, in order."""

    def __init__(self, steps: Iterator[int]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[int]:
        return self._steps
