"""Batches straight from shards, decoded ahead in processes. A batch depends on its step alone, so a resume is exact."""

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
from components.execution.prefetch import ahead
from components.models.tokenizer import Tokenizer
from components.pretrain.data.loader import Batch, Composer, Share
from components.pretrain.data.samples import Vocabulary
from components.pretrain.data.stream.source import Setting, Stager, StreamSource
from components.pretrain.data.stream.vocabulary import columns
from components.pretrain.parameters import TextParameters

# Below this many pictures a share of bad ones says nothing.
_ERROR_SHARE_FROM = 100


@dataclass(frozen=True)
class Plan:
    """What a process must know to make batches.

    Attributes:
        setting: of the source.
        share: of the worker that the batches are for.
        text: what texts are made of.
        tokenizer: makes the tokenizer; None for recipes without texts.
    """

    setting: Setting
    share: Share
    text: TextParameters
    tokenizer: Callable[[], Tokenizer] | None


class _Steps(Dataset[Batch | MofiError]):
    """Step → batch. Each process opens what it needs when it makes its first one; errors are values, to come out as they are."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan

    def __getstate__(self) -> Plan:
        return self._plan

    def __setstate__(self, plan: Plan) -> None:
        self._plan = plan

    def __getitem__(self, step: int) -> Batch | MofiError:
        try:
            return self.batch(step)
        except MofiError as error:
            return error

    def batch(self, step: int) -> Batch:
        drawn = self.source.draw(step)
        batch = self._composer.compose(step, drawn.pictures, drawn.alt_texts, drawn.classes)
        return replace(batch, skipped=drawn.skipped)

    @cached_property
    def source(self) -> StreamSource:
        return StreamSource(self._plan.setting, self._plan.share)

    @cached_property
    def vocabulary(self) -> Vocabulary | None:
        file = self.source.catalogue.vocabulary
        return Vocabulary(*columns(file)) if file else None

    @cached_property
    def _composer(self) -> Composer:
        plan = self._plan
        tokenizer = plan.tokenizer() if plan.tokenizer else None
        return Composer(plan.share, plan.setting.seed, plan.text, self.vocabulary, tokenizer)


class StreamLoader:
    """Serves `Batch`es from shards as they lie.

    Attributes:
        vocabulary: the classes, if labels are trained on.
        dropped: pictures that the recipe cannot use, by reason.
    """

    def __init__(self, plan: Plan, prefetch: int, decoders: int, max_error_share: float) -> None:
        """Takes how many batches are made ahead, in how many processes (0 = a thread of this one)."""
        self._plan, self._prefetch, self._decoders, self._most_bad = plan, prefetch, decoders, max_error_share
        self._steps = _Steps(plan)
        self.vocabulary = self._steps.vocabulary
        self.dropped = self._steps.source.catalogue.dropped
        if decoders:
            _start_server()

    def __len__(self) -> int:
        return len(self._steps.source.order)

    def batch(self, step: int) -> Batch:
        """The batch of one step, made now; raises as `StreamSource.draw` does."""
        return self._steps.batch(step)

    def batches(self, start: int, stop: int) -> Iterator[Batch]:
        """The batches of the steps `start` to `stop` - 1.

        Raises:
            InputError: as `StreamSource.draw` does, or when too many pictures are bad.
            SetupError: as `StreamSource.draw` does, or when a process of the loader dies.
        """
        skipped = seen = 0
        with Stager(self._steps.source, self._plan.share) as stager:
            steps = self._told(range(start, stop), stager)
            for batch in self._in_processes(steps) if self._decoders else ahead(map(self.batch, steps), self._prefetch):
                seen += len(batch.pictures)
                skipped += batch.skipped
                self._stop_if_bad(skipped, seen)
                yield batch

    def _told(self, steps: range, stager: Stager) -> Iterator[int]:
        for step in steps:
            stager.look_ahead(step)
            yield step

    def _in_processes(self, steps: Iterator[int]) -> Iterator[Batch]:
        loader = DataLoader(
            self._steps,
            batch_size=None,
            sampler=_Once(steps),
            num_workers=self._decoders,
            prefetch_factor=max(1, -(-self._prefetch // self._decoders)),
            # A fork of a process with threads, as Ray's and torch's are, may wait for ever for a lock.
            multiprocessing_context=multiprocessing.get_context("forkserver"),
            worker_init_fn=_end_with_parent,
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
                f"a process that decodes pictures died ({error}); if memory ran out, lower pretrain.decoders or pretrain.prefetch"
            ) from error

    def _stop_if_bad(self, bad: int, seen: int) -> None:
        attempted = seen + bad
        if attempted >= _ERROR_SHARE_FROM and bad > self._most_bad * attempted:
            raise InputError(
                f"{bad} of {attempted} pictures of {self._steps.source.catalogue.shards.location} cannot be decoded, "
                f"more than pretrain.max_error_share = {self._most_bad:g} allows; run the stage that writes them again, or raise it"
            )


def _start_server() -> None:
    """The process that the decoding ones are forked from imports what they need meanwhile, once for all of them."""
    forkserver.set_forkserver_preload([__name__])
    forkserver.ensure_running()


def _end_with_parent(number: int) -> None:
    """A trainer that is killed takes its decoding processes along: torch's watchdog looks at the server, which they keep alive."""
    parent = multiprocessing.parent_process()
    assert parent is not None

    def follow() -> None:
        parent.join()
        os._exit(1)

    Thread(target=follow, name="follow-parent", daemon=True).start()


class _Once(torch.utils.data.Sampler[int]):
    """Steps as they come."""

    def __init__(self, steps: Iterator[int]) -> None:
        self._steps = steps

    def __iter__(self) -> Iterator[int]:
        return self._steps
