"""A line for the operator every few seconds."""

import logging
import time

logger = logging.getLogger(__name__)


class Progress:
    """Logs step, rate, losses and the time that is left, at most every `interval` seconds."""

    def __init__(self, recipe: str, steps: int, batch: int, interval: float) -> None:
        self._recipe, self._steps, self._batch, self._interval = recipe, steps, batch, interval
        self._begin = self._last = time.monotonic()
        self._first_step: int | None = None

    def show(self, step: int, losses: dict[str, float]) -> None:
        """Call after each step; `step` counts finished ones."""
        now = time.monotonic()
        if self._first_step is None:
            # The first step pays for warming up; the rate counts from its end.
            self._first_step, self._begin = step, now
        if now - self._last < self._interval and step < self._steps:
            return
        self._last = now
        done = step - self._first_step
        seconds = now - self._begin
        pace = done / seconds if done and seconds else 0.0
        left = f"{(self._steps - step) / pace:.0f} s left" if pace else "warming up"
        parts = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        logger.info(
            "%s: step %d of %d, %.0f pictures/s, %s, %s",
            self._recipe,
            step,
            self._steps,
            pace * self._batch,
            parts,
            left,
        )
