"""Goes on from the newest checkpoint that is whole, with as many workers as there are now."""

import logging
from collections.abc import Iterator, Mapping
from typing import Any

from safetensors import SafetensorError
from safetensors.torch import load_file
from torch import Tensor

from components.errors import InputError, SetupError
from components.pretrain.checkpoints.manifest import Manifest, Part, refuse_other, step_of
from components.pretrain.checkpoints.state import AVERAGE, OPTIMISER, TOWERS, TrainingState, shard_file
from components.pretrain.checkpoints.store import MANIFEST, Depot
from components.pretrain.step import collectives
from components.pretrain.step.optimiser import load_optimiser_state

logger = logging.getLogger(__name__)


def resume(state: TrainingState, depot: Depot, config: Mapping[str, Any]) -> bool:
    """Loads the newest whole checkpoint, if there is one, into `state`; every worker calls it.

    A damaged one is told of and passed over. Without any, a training begins anew, which comes to the same weights. What cannot
    be read at all may be whole: it is an error, since a training that began anew would delete it.

    Raises:
        SetupError: if a folder cannot be read; MofiError: if a bucket cannot.
        InputError: if the checkpoint is of another training, naming each value that differs.
    """
    try:
        return _resume(state, depot, config)
    except OSError as error:
        raise SetupError(
            f"the checkpoints cannot be read ({error}); mend the disk or its rights and run it again: none was deleted"
        ) from error


def _resume(state: TrainingState, depot: Depot, config: Mapping[str, Any]) -> bool:
    found = collectives.from_first(list(_whole(depot)) if collectives.world()[0] == 0 else [])
    for name, manifest in found:
        refuse_other(name, manifest.config, config)
        problems = [problem for problem in collectives.exchange(_damage(depot, name, manifest)) if problem]
        if problems:
            _pass_over(name, problems[0])
            continue
        try:
            _load(state, depot, name, manifest)
        finally:
            depot.clean()
        return True
    return False


def _whole(depot: Depot) -> Iterator[tuple[str, Manifest]]:
    """Checkpoints whose files are all there in their size, newest first."""
    listed = depot.files()
    named = {name: step for name in listed if (step := step_of(name)) is not None and MANIFEST in listed[name]}
    for name in sorted(named, key=lambda name: (named[name], name), reverse=True):
        try:
            manifest = Manifest.from_json(depot.fetch(name, MANIFEST).read_text(encoding="utf-8"))
        except (FileNotFoundError, ValueError) as error:
            _pass_over(name, f"{MANIFEST}: {error}")
            continue
        problem = manifest.problem(listed[name])
        if problem:
            _pass_over(name, problem)
        else:
            yield name, manifest


def _pass_over(name: str, problem: str) -> None:
    if collectives.world()[0] == 0:
        logger.warning("the checkpoint %s is damaged (%s); training goes on from the one before it", name, problem)


def _damage(depot: Depot, name: str, manifest: Manifest) -> str | None:
    """Compares digests; each worker looks at its share of the files."""
    rank, workers = collectives.world()
    for file in sorted(manifest.files)[rank::workers]:
        try:
            if Part.of(depot.fetch(name, file)) != manifest.files[file]:
                return f"{file} has other bytes than were written"
        except FileNotFoundError as error:
            return f"{file}: {error}"
    return None


def _load(state: TrainingState, depot: Depot, name: str, manifest: Manifest) -> None:
    def read(file: str) -> dict[str, Tensor]:
        tensors: dict[str, Tensor] = load_file(depot.fetch(name, file))
        return tensors

    try:
        state.towers.load_state_dict(read(TOWERS))
        load_optimiser_state(state.towers, state.optimiser, read(OPTIMISER))
        if state.average is not None:
            state.average.load(read(AVERAGE))
        if state.table is not None:
            count = sum(file.startswith("classes-") for file in manifest.files)
            state.table.load(count, lambda rank: read(shard_file(rank, count)))
    except (SafetensorError, KeyError, ValueError, RuntimeError) as error:
        raise InputError(
            f"the checkpoint {name} cannot be used ({error}); delete it to go on from an earlier one"
        ) from error
    state.step, state.skipped = manifest.step, manifest.skipped
    state.curve = [dict(point) for point in manifest.curve]
