"""The recorded training curve: points go into checkpoints, and into a file during training."""

import json
import logging
from pathlib import Path

from components.models.encoder import encoder_from_towers
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.job import Job
from components.pretrain.training.progress import Progress
from components.pretrain.training.setup import final_towers
from components.pretrain.training.validate import validation_map

logger = logging.getLogger(__name__)

# Points of the curve, whatever the number of steps.
_POINTS = 100
# Other workers wait for validation during training; the final one uses all pictures.
_MAX_PICTURES = 5000


class CurveRecorder:
    """Records the curve on every worker; the first one also logs it and validates."""

    def __init__(self, job: Job, state: TrainingState, progress: Progress, rank: int) -> None:
        self._job, self._state, self._progress, self._rank = job, state, progress, rank
        self._live = LiveCurve(job.live_curve)

    def due(self, step: int) -> bool:
        """Whether a point is recorded at the `step`-th step, counted from zero."""
        return (
            step + 1 == self._job.steps or step % max(1, self._job.steps // _POINTS) == 0 or self._validates(step + 1)
        )

    def add(self, losses: dict[str, float], metrics: dict[str, float], measures: dict[str, float] | None) -> None:
        """Call after each step; `measures` are the batch's metrics if a point is due, else None."""
        step, is_first = self._state.step, self._rank == 0
        if is_first:
            self._progress.log_step(step, losses)
        if measures is None:
            return
        point = metrics | measures
        if is_first and self._validates(step):
            with self._progress.paused():
                point["validation_map"] = self._validation_map()
        self._state.curve.append(point)
        if is_first:
            self._live.add(step * self._job.parameters.batch, point, self._progress.throughput(step))

    def _validates(self, step: int) -> bool:
        """Validation after the last step belongs to the result instead."""
        every = self._job.parameters.validate_every
        return bool(self._job.validation and every and step % every == 0 and step < self._job.steps)

    def _validation_map(self) -> float:
        assert self._job.validation is not None
        towers = final_towers(self._job, self._state)
        value = validation_map(encoder_from_towers(towers, self._job.tower), self._job.validation, _MAX_PICTURES)
        logger.info("%s: validation mAP %.4f after step %d", self._job.recipe, value, self._state.step)
        return value


class LiveCurve:
    """Appends points to a JSON lines file, which live charts follow while training runs."""

    def __init__(self, path: Path) -> None:
        self._path, self._failed = path, False

    def add(self, images_seen: int, metrics: dict[str, float], throughput: dict[str, float]) -> None:
        """Appends a point. If it cannot be written, that is logged once and training continues."""
        prefixed = {f"curve.{name}": value for name, value in metrics.items()}
        prefixed |= {f"pace.{name}": value for name, value in throughput.items()}
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": images_seen, "metrics": prefixed}) + "\n")
        except OSError as error:
            if not self._failed:
                logger.warning(
                    "%s cannot be written (%s); curves will be available when training is done", self._path, error
                )
            self._failed = True
