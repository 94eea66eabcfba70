"""Stops a diverging training, after saving its state."""

import math
from typing import NoReturn

from components.errors import MofiError
from components.pretrain.checkpoints.state import TrainingState
from components.pretrain.checkpoints.writer import CheckpointWriter
from components.pretrain.job import Job


class DivergenceCheck:
    """Checks losses and gradient before a step takes effect; all workers stop at the same step."""

    def __init__(self, job: Job, state: TrainingState, writer: CheckpointWriter) -> None:
        self._job, self._state, self._writer = job, state, writer

    def check(self, losses: dict[str, float], norm: float) -> None:
        """Takes the losses by name, and the norm of the towers' gradient.

        Raises:
            MofiError: naming the step, if a number is not finite, or the sum of the losses exceeds
                a multiple of the first step's.
        """
        for name, value in losses.items():
            if not math.isfinite(value):
                self._stop(f"the {name} loss is {value}")
        total, limit = sum(losses.values()), self._job.parameters.divergence
        if self._state.curve and total > limit * self._state.curve[0]["loss"]:
            first = self._state.curve[0]["loss"]
            self._stop(
                f"the loss is {total:.3g}, above pretrain.divergence = {limit:g} times the first step's {first:.3g},"
            )
        if not math.isfinite(norm):
            self._stop(f"the norm of the gradient is {norm}")

    def _stop(self, problem: str) -> NoReturn:
        name = self._writer.save(self._state, diverged=True)
        self._writer.wait()
        raise MofiError(
            f"{self._job.recipe}: {problem} at step {self._state.step + 1}; lower pretrain.learning_rate or pretrain.gradient_clip "
            f"in params.yaml, or lengthen pretrain.warm_up. The state before that step is in {self._job.checkpoints} as "
            f"{name}; it is not resumed automatically"
        )
