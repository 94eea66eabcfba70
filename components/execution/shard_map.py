"""The one executor: runs a function shard in → shard out over Ray, idempotent and resumable.

A task writes its files into a private folder. When it is done, they are moved next to the finished
ones, and a marker with its counts is written last: a half-written shard is never visible, and a
finished one is never redone. A marker counts only while the files that it names exist. Everything
lies in a work folder named by a fingerprint of parameters and inputs, which `publish` moves to its
place at the end.
"""

import ctypes
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sized
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import pyarrow as pa
import ray
import ray.exceptions
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from components.errors import InputError, MofiError, SetupError
from components.execution import cluster
from components.storage.json_files import read_json, write_json
from components.storage.work import DROPPED, drop

logger = logging.getLogger(__name__)

# Below this many items an error share says nothing.
_ERROR_SHARE_FROM = 100
_RETRIES = 3


@dataclass(frozen=True)
class Outcome:
    """A task's `counts` by reason, and how many of `attempted` items failed (`errors`)."""

    counts: Mapping[str, int] = field(default_factory=dict)
    attempted: int = 0
    errors: int = 0


class Tally:
    """What the finished shards add up to; a shard is added once, however many there are."""

    def __init__(self, stage: str, max_error_share: float, finished: Mapping[int, Outcome]) -> None:
        self.stage, self._max_error_share = stage, max_error_share
        self.shards, self._attempted, self._errors = 0, 0, 0
        self._counts: Counter[str] = Counter()
        for outcome in finished.values():
            self.add(outcome)

    @property
    def counts(self) -> Counter[str]:
        """All counts, by name, whichever shard finished first."""
        return Counter(dict(sorted(self._counts.items())))

    def add(self, outcome: Outcome) -> None:
        """Adds a finished shard."""
        self.shards += 1
        self._attempted += outcome.attempted
        self._errors += outcome.errors
        self._counts.update(outcome.counts)

    def check(self) -> None:
        """Raises InputError if too large a share of the items failed."""
        attempted, errors = self._attempted, self._errors
        if attempted >= _ERROR_SHARE_FROM and errors > self._max_error_share * attempted:
            reasons = json.dumps(dict(self.counts.most_common(5)))
            raise InputError(
                f"{self.stage}: {errors} of {attempted} items failed, more than the share of {self._max_error_share} that "
                f"params.yaml allows; most frequent outcomes: {reasons}. Fix the input, or raise the share in the section "
                f"{self.stage.partition(':')[0]}; finished shards are kept"
            )


# (item, shard number, private folder to write the shard's files into)
Task = Callable[[Any, int, Path], Outcome]


def map_shards(
    task: Task,
    items: Iterable[Any],
    *,
    stage: str,
    work: Path,
    max_error_share: float = 0.5,
    cpus: float = 1.0,
) -> tuple[Path, Counter[str]]:
    """Runs `task(items[i], i, folder)` for every i without a marker.

    A task that loses its worker is repeated; one that raises is not. Either way, finished shards
    are kept for the next call.

    Args:
        task: sent to Ray workers; what is heavy it loads once per process itself.
        items: one small value per shard (paths, lists of URLs), not the data; or a stream of blocks
            of some megabytes, the same each time, read as tasks take them.
        stage: for messages.
        work: from `work_folder`.
        max_error_share: above this share of errors among attempted items the map stops.
        cpus: CPUs that one task occupies.

    Raises:
        InputError: when too many items fail.
        SetupError: when a shard's worker dies again and again.
        MofiError: as raised by the task, and OSError; others come as Ray's, with a traceback.
    """
    finished, markers = work / "finished", work / "markers"
    finished.mkdir(parents=True, exist_ok=True)
    markers.mkdir(exist_ok=True)
    _drop_parts(work)
    total = len(items) if isinstance(items, Sized) else None
    outcomes = _finished_before(finished, markers, total)
    if outcomes:
        known = "" if total is None else f" of {total}"
        logger.info("%s: %d%s shards were finished before and are kept", stage, len(outcomes), known)
    tally = Tally(stage, max_error_share, outcomes)
    if total is None or len(outcomes) < total:
        cluster.connect()
        waiting = ((n, item) for n, item in enumerate(items) if n not in outcomes)
        _run(task, waiting, total, tally, work, cpus)
    _stop_if_bad(tally)
    return finished, tally.counts


def _drop_parts(work: Path) -> None:
    """Removes what killed tasks left; renamed first, so that one that still runs fails."""
    for part in work.glob("part-*"):
        drop(part)  # a worker that outlived its driver may just be finishing it
    for dropped in work.glob(f"{DROPPED}*"):
        drop(dropped)


def _finished_before(finished: Path, markers: Path, shards: int | None) -> dict[int, Outcome]:
    """The outcomes of finished shards; after a kill there may be markers without files."""
    outcomes = {}
    for marker in sorted(markers.glob("*.json")):
        record = read_json(marker)
        files = record.pop("files", None)
        known = shards is None or int(marker.stem) < shards
        if files is not None and known and all((finished / name).exists() for name in files):
            outcomes[int(marker.stem)] = Outcome(**record)
    return outcomes


def _run(
    task: Task,
    waiting: Iterator[tuple[int, Any]],
    total: int | None,
    tally: Tally,
    work: Path,
    cpus: float,
) -> None:
    remote = ray.remote(num_cpus=cpus, max_retries=_RETRIES)(_one)
    # Two tasks a CPU keep workers busy without filling the scheduler with a million shards.
    at_once = max(2, 2 * int(ray.cluster_resources().get("CPU", 1) / cpus))
    running: dict[ray.ObjectRef[Any], int] = {}
    try:
        with _progress() as progress:
            bar = progress.add_task(tally.stage, total=total, completed=tally.shards)
            while (more := next(waiting, None)) is not None or running:
                if more is not None:
                    number, item = more
                    running[remote.remote(task, item, number, work)] = number
                    if len(running) < at_once:
                        continue
                done, _ = ray.wait(list(running), num_returns=1)
                for reference in done:
                    number = running.pop(reference)
                    tally.add(_outcome(reference, tally.stage, number))
                    progress.advance(bar)
                _stop_if_bad(tally)
    finally:
        for reference in running:
            ray.cancel(reference)


def _outcome(reference: "ray.ObjectRef[Any]", stage: str, number: int) -> Outcome:
    """What a task returned; raises the task's own errors instead of Ray's wrapper."""
    try:
        outcome: Outcome = ray.get(reference)
    except ray.exceptions.RayTaskError as error:
        logger.error("%s: shard %d failed; finished shards are kept", stage, number)
        if isinstance(error.cause, (MofiError, OSError)):
            raise error.cause from error
        raise
    except (ray.exceptions.WorkerCrashedError, ray.exceptions.OutOfMemoryError, ray.exceptions.NodeDiedError) as error:
        raise SetupError(
            f"{stage}: the worker of shard {number} died {_RETRIES + 1} times, most likely out of memory; "
            "free some, or give Ray fewer CPUs so that fewer shards run at once; finished shards are kept"
        ) from error
    return outcome


def _one(task: Task, item: Any, number: int, work: Path) -> Outcome:
    """In a worker: a private folder, the task, the move, and the marker last."""
    # Another attempt, whose driver or node was taken for dead, may still run: folders are private.
    private = work / f"part-{number:05d}-{uuid4().hex[:8]}"
    private.mkdir()
    try:
        outcome = task(item, number, private)
        files = sorted(file.name for file in private.iterdir())
        for name in files:
            (private / name).replace(work / "finished" / name)
        write_json(
            work / "markers" / f"{number:05d}.json",
            {"counts": dict(outcome.counts), "attempted": outcome.attempted, "errors": outcome.errors, "files": files},
        )
    finally:
        shutil.rmtree(private, ignore_errors=True)
        _give_back_memory()
    return outcome


def _give_back_memory() -> None:
    """What a task needed and its allocators keep would add up over the many tasks of a worker."""
    pa.default_memory_pool().release_unused()
    if _trim is not None:
        _trim(0)


# The C library's own, where it has one (glibc).
_trim = getattr(ctypes.CDLL(None), "malloc_trim", None)


def _stop_if_bad(tally: Tally) -> None:
    """After each shard; tests kill the driver here."""
    tally.check()


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=False,
    )
