"""What is remembered of a training's steps: points of its curve, which go into checkpoints, and what is told meanwhile."""

import logging

from components.models.encoder import encoder_of
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.job import Job
from components.pretrain.training.progress import LiveCurve, Progress
from components.pretrain.training.setup import final_towers
from components.pretrain.training.validate import validation_map

logger = logging.getLogger(__name__)

# Points of the recorded curve, whatever the number of steps.
_POINTS = 100
# The other workers wait for a measurement in between; the last one is of all pictures.
_MOST_PICTURES = 5000


class Record:
    """The curve of one training, on every worker; the first one also tells of it and measures the validation entities."""

    def __init__(self, job: Job, state: TrainingState, progress: Progress, rank: int) -> None:
        self._job, self._state, self._progress, self._rank = job, state, progress, rank
        self._live = LiveCurve(job.live)

    def due(self, step: int) -> bool:
        """Whether a point is recorded of the step that is the `step`-th, counted from zero."""
        return (
            step + 1 == self._job.steps or step % max(1, self._job.steps // _POINTS) == 0 or self._validates(step + 1)
        )

    def add(self, losses: dict[str, float], figures: dict[str, float], measures: dict[str, float] | None) -> None:
        """Call after each step, with what was measured of it where a point is due, else None."""
        step, telling = self._state.step, self._rank == 0
        if telling:
            self._progress.show(step, losses)
        if measures is None:
            return
        point = figures | measures
        if telling and self._validates(step):
            with self._progress.paused():
                point["validation_map"] = self._validation_map()
        self._state.curve.append(point)
        if telling:
            self._live.add(step * self._job.parameters.batch, point, self._progress.pace(step))

    def _validates(self, step: int) -> bool:
        """What is measured at the end belongs to the result."""
        every = self._job.parameters.validate_every
        return bool(self._job.validation and every and step % every == 0 and step < self._job.steps)

    def _validation_map(self) -> float:
        assert self._job.validation is not None
        towers = final_towers(self._job, self._state)
        value = validation_map(encoder_of(towers, self._job.tower), self._job.validation, _MOST_PICTURES)
        logger.info("%s: validation mAP %.4f after step %d", self._job.recipe, value, self._state.step)
        return value
