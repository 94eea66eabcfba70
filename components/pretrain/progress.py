"""What a training tells while it runs: a line for the operator every few seconds, and a point of its curves now and then."""

import json
import logging
import time
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


class Progress:
    """Logs step, rate, losses, the share of time spent waiting for data and the time that is left, every `interval` seconds."""

    def __init__(self, recipe: str, steps: int, batch: int, interval: float) -> None:
        self._recipe, self._steps, self._batch, self._interval = recipe, steps, batch, interval
        self._first: tuple[int, float] | None = None
        self._last = (0, time.monotonic())
        self._waited = self._waited_before = 0.0

    def watched(self, batches: Iterator[Item]) -> Iterator[Item]:
        """The same batches; how long each was waited for is counted."""
        while True:
            began = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._waited += time.monotonic() - began
            yield batch

    def show(self, step: int, losses: dict[str, float]) -> None:
        """Call after each step; `step` counts finished ones."""
        now = time.monotonic()
        if self._first is None:
            # The first step pays for warming up; rates count from its end.
            self._first, self._last, self._waited = (step, now), (step, now), 0.0
        if now - self._last[1] < self._interval and step < self._steps:
            return
        pace = self.pace(step)
        parts = ", ".join(f"{name} {value:.3f}" for name, value in losses.items())
        logger.info(
            "%s: step %d of %d, %.0f pictures/s, %s, %.1f %% waiting for data, %s",
            self._recipe,
            step,
            self._steps,
            pace["images_per_second"],
            parts,
            100 * pace["waiting_share"],
            self._left(step, now),
        )
        self._last, self._waited_before = (step, now), self._waited

    def pace(self, step: int) -> dict[str, float]:
        """Images per second over all workers and the share of time spent waiting for data, since the last line."""
        seconds = time.monotonic() - self._last[1]
        if seconds <= 0 or step == self._last[0]:
            return {"images_per_second": 0.0, "waiting_share": 0.0}
        return {
            "images_per_second": (step - self._last[0]) * self._batch / seconds,
            "waiting_share": min(1.0, (self._waited - self._waited_before) / seconds),
        }

    def _left(self, step: int, now: float) -> str:
        assert self._first is not None
        done, seconds = step - self._first[0], now - self._first[1]
        if not done or seconds <= 0:
            return "warming up"
        return f"{timedelta(seconds=round((self._steps - step) * seconds / done))} left"


class LiveCurve:
    """Appends points to a file of JSON lines, which whoever draws curves follows while the training runs."""

    def __init__(self, path: Path) -> None:
        self._path, self._failed = path, False

    def add(self, images_seen: int, figures: dict[str, float], pace: dict[str, float]) -> None:
        """A point; that it cannot be written is told once and stops nothing."""
        named = {f"curve.{name}": value for name, value in figures.items()}
        named |= {f"pace.{name}": value for name, value in pace.items()}
        try:
            with self._path.open("a", encoding="utf-8") as stream:
                stream.write(json.dumps({"step": images_seen, "metrics": named}) + "\n")
        except OSError as error:
            if not self._failed:
                logger.warning(
                    "%s cannot be written (%s); curves are seen when the training is done", self._path, error
                )
            self._failed = True
