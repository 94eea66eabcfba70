"""The one executor: a function shard in → shard out, run over a Ray cluster; idempotent and resumable.

A task writes its files into a private folder. When it is done they are moved next to the finished ones and a marker with its
counts is written last, so a half-written shard is never visible and a finished one is never redone. Everything lives in a
work folder named by a fingerprint of parameters and inputs; `publish` moves the whole of it to its place at the end.
"""

import hashlib
import json
import logging
import shutil
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import ray
from pydantic import BaseModel
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from components import cluster
from components.errors import InputError
from components.stage import read_json, write_json

logger = logging.getLogger(__name__)

WORK = Path(".work")
# Below this many items an error share says nothing.
_ERROR_SHARE_FROM = 100


@dataclass(frozen=True)
class Outcome:
    """What a task did: `counts` by reason, and how many of `attempted` items failed for reasons worth stopping for."""

    counts: Mapping[str, int] = field(default_factory=dict)
    attempted: int = 0
    errors: int = 0


# (item, shard number, private folder to write the shard's files into)
Task = Callable[[Any, int, Path], Outcome]


def fingerprint(*parts: object) -> str:
    """Twelve hex digits of what the result depends on.

    A pydantic model counts by its values, a file by its bytes, a folder by its files' names and bytes, anything else by its `repr`.
    """
    digest = hashlib.sha256()
    for part in parts:
        if isinstance(part, BaseModel):
            digest.update(part.model_dump_json().encode())
        elif isinstance(part, Path):
            _digest_path(digest, part)
        else:
            digest.update(repr(part).encode())
        digest.update(b"\0")
    return digest.hexdigest()[:12]


def _digest_path(digest: "hashlib._Hash", path: Path) -> None:
    files = sorted(p for p in path.rglob("*") if p.is_file()) if path.is_dir() else [path]
    if not path.exists():
        raise InputError(f"{path} is missing; run the stage that writes it (`dvc repro` runs all)")
    for file in files:
        digest.update(str(file.relative_to(path)).encode())
        with file.open("rb") as stream:
            digest.update(hashlib.file_digest(stream, "sha256").digest())


def work_folder(stage: str, mark: str, root: Path = WORK) -> Path:
    """`.work/STAGE/FINGERPRINT`, made; leftovers of the same stage with other parameters are removed."""
    folder = (root / stage / mark).absolute()
    if folder.parent.exists():
        for other in folder.parent.iterdir():
            if other != folder:
                logger.info("%s: parameters or inputs changed, so %s is dropped", stage, other)
                shutil.rmtree(other)
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def map_shards(
    task: Task,
    items: Sequence[Any],
    *,
    stage: str,
    work: Path,
    max_error_share: float = 0.5,
    cpus: float = 1.0,
) -> tuple[Path, Counter[str]]:
    """Runs `task(items[i], i, folder)` for every i that has no marker yet; returns the folder of finished files, and all counts.

    Args:
        task: sent to Ray workers; what is heavy it loads once per process itself.
        items: one small value per shard (paths, lists of URLs), not the data.
        stage: for messages.
        work: from `work_folder`.
        max_error_share: above this share of errors among attempted items the map stops.
        cpus: CPUs that one task occupies.

    Raises:
        InputError: when too many items fail.
    """
    finished, markers = work / "finished", work / "markers"
    finished.mkdir(parents=True, exist_ok=True)
    markers.mkdir(exist_ok=True)
    outcomes = {int(m.stem): Outcome(**read_json(m)) for m in markers.glob("*.json")}
    open_items = [n for n in range(len(items)) if n not in outcomes]
    if outcomes:
        logger.info("%s: %d of %d shards were finished before and are kept", stage, len(outcomes), len(items))
    if open_items:
        cluster.connect()
        _run(task, items, open_items, outcomes, stage, work, max_error_share, cpus)
    return finished, _total(outcomes.values())


def _run(
    task: Task,
    items: Sequence[Any],
    open_items: list[int],
    outcomes: dict[int, Outcome],
    stage: str,
    work: Path,
    max_error_share: float,
    cpus: float,
) -> None:
    remote = ray.remote(num_cpus=cpus, max_retries=3)(_one)
    # Two tasks a CPU keep workers busy without filling the scheduler with a million shards.
    at_once = max(2, 2 * int(ray.cluster_resources().get("CPU", 1) / cpus))
    waiting = list(reversed(open_items))
    running: dict[ray.ObjectRef[Any], int] = {}
    with _progress() as progress:
        bar = progress.add_task(stage, total=len(items), completed=len(outcomes))
        while waiting or running:
            while waiting and len(running) < at_once:
                number = waiting.pop()
                running[remote.remote(task, items[number], number, work)] = number
            done, _ = ray.wait(list(running), num_returns=1)
            for reference in done:
                number = running.pop(reference)
                outcomes[number] = ray.get(reference)
                progress.advance(bar)
            _stop_if_bad(stage, outcomes, max_error_share)


def _one(task: Task, item: Any, number: int, work: Path) -> Outcome:
    """In a worker: a private folder, the task, the move, and the marker last."""
    private = work / f"part-{number:05d}"
    shutil.rmtree(private, ignore_errors=True)
    private.mkdir()
    outcome = task(item, number, private)
    for file in sorted(private.iterdir()):
        file.replace(work / "finished" / file.name)
    private.rmdir()
    write_json(
        work / "markers" / f"{number:05d}.json",
        {"counts": dict(outcome.counts), "attempted": outcome.attempted, "errors": outcome.errors},
    )
    return outcome


def _stop_if_bad(stage: str, outcomes: Mapping[int, Outcome], max_error_share: float) -> None:
    attempted = sum(o.attempted for o in outcomes.values())
    errors = sum(o.errors for o in outcomes.values())
    if attempted >= _ERROR_SHARE_FROM and errors > max_error_share * attempted:
        reasons = json.dumps(dict(_total(outcomes.values()).most_common(5)))
        raise InputError(
            f"{stage}: {errors} of {attempted} items failed, more than the share of {max_error_share} that params.yaml allows; "
            f"most frequent outcomes: {reasons}. Mend the input, or raise {stage}.max_error_share; finished shards are kept"
        )


def _total(outcomes: Any) -> Counter[str]:
    total: Counter[str] = Counter()
    for outcome in outcomes:
        total.update(outcome.counts)
    return total


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TimeRemainingColumn(),
        console=Console(stderr=True),
        transient=False,
    )


def publish(folder: Path, out: Path) -> None:
    """Makes `folder` the content of `out` in one move (or a copy, across file systems), replacing what was there."""
    if out.exists():
        shutil.rmtree(out)
    out.parent.mkdir(parents=True, exist_ok=True)
    shutil.move(str(folder), str(out))
