"""Resumes from the newest complete checkpoint, with any number of workers."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from components.errors import InputError, SetupError
from components.pretrain.checkpoints.manifest import FileDigest, Manifest, check_same_training, checkpoint_step
from components.pretrain.checkpoints.state import AVERAGE, OPTIMISER, TOWERS, TrainingState, class_table_file
from components.pretrain.checkpoints.store import MANIFEST, CheckpointStore
from components.pretrain.step import collectives
from components.pretrain.step.optimiser import load_optimiser_state

logger = logging.getLogger(__name__)


def resume(state: TrainingState, store: CheckpointStore, config: Mapping[str, Any]) -> bool:
    """Loads the newest complete checkpoint into `state`; every worker must call it.

    A damaged checkpoint is logged and skipped. Without any, training starts from scratch, which
    gives the same weights. A checkpoint that cannot be read may be intact, so that is an error:
    a training that starts from scratch would delete it.

    Returns:
        Whether a checkpoint was loaded.

    Raises:
        SetupError: if a folder cannot be read.
        MofiError: if a bucket cannot be read.
        InputError: if the checkpoint belongs to another training; the message lists the
            differences.
    """
    try:
        return _resume(state, store, config)
    except OSError as error:
        raise SetupError(
            f"the checkpoints cannot be read ({error}); fix the disk or its permissions and run again; no checkpoint was deleted"
        ) from error


def _resume(state: TrainingState, store: CheckpointStore, config: Mapping[str, Any]) -> bool:
    found = collectives.broadcast_from_first(list(_complete_checkpoints(store)) if collectives.rank() == 0 else [])
    for name, manifest in found:
        check_same_training(name, manifest.config, config)
        problems = [
            problem for problem in collectives.all_gather_objects(_find_damage(store, name, manifest)) if problem
        ]
        if problems:
            _warn_damaged(name, problems[0])
            continue
        try:
            _load(state, store, name, manifest)
        finally:
            store.drop_local_copies()
        return True
    return False


def _complete_checkpoints(store: CheckpointStore) -> Iterator[tuple[str, Manifest]]:
    """Checkpoints that have all files in their recorded sizes, newest first."""
    listed = store.files()
    steps = {name: step for name in listed if (step := checkpoint_step(name)) is not None and MANIFEST in listed[name]}
    for name in sorted(steps, key=lambda name: (steps[name], name), reverse=True):
        try:
            manifest = Manifest.from_json(store.fetch(name, MANIFEST).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            _warn_damaged(name, f"{MANIFEST}: {error}")
            continue
        problem = manifest.mismatch(listed[name])
        if problem:
            _warn_damaged(name, problem)
        else:
            yield name, manifest


def _warn_damaged(name: str, problem: str) -> None:
    if collectives.rank() == 0:
        logger.warning("the checkpoint %s is damaged (%s); training resumes from the previous one", name, problem)


def _find_damage(store: CheckpointStore, name: str, manifest: Manifest) -> str | None:
    """Compares digests; each worker reads its share of the files."""
    rank, workers = collectives.rank(), collectives.world_size()
    for file in sorted(manifest.files)[rank::workers]:
        try:
            if FileDigest.of(store.fetch(name, file)) != manifest.files[file]:
                return f"{file} does not match its digest"
        except FileNotFoundError as error:
            return f"{file}: {error}"
    return None


def _load(state: TrainingState, store: CheckpointStore, name: str, manifest: Manifest) -> None:
    def read(file: str) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = load_file(store.fetch(name, file))
        return tensors

    try:
        state.towers.load_state_dict(read(TOWERS))
        load_optimiser_state(state.towers, state.optimiser, read(OPTIMISER))
        if state.average is not None:
            state.average.load(read(AVERAGE))
        if state.table is not None:
            count = sum(file.startswith("classes-") for file in manifest.files)
            state.table.load(count, lambda rank: read(class_table_file(rank, count)))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"the checkpoint {name} cannot be loaded ({error}); delete it to resume from an earlier one"
        ) from error
    state.step, state.skipped = manifest.step, manifest.skipped
    state.curve = [dict(point) for point in manifest.curve]
