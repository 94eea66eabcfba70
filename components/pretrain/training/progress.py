"""The operator's log of a training: a line every few seconds."""

import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import TypeVar

logger = logging.getLogger(__name__)

Item = TypeVar("Item")


@dataclass(frozen=True)
class _Moment:
    """Finished steps, seconds of training, and how many of them were spent waiting for data."""

    step: int
    time: float
    waited: float


class Progress:
    """Logs step, throughput, losses, data wait and time left every `interval` seconds."""

    def __init__(self, recipe: str, steps: int, batch: int, interval: float) -> None:
        self._recipe, self._steps, self._batch, self._interval = recipe, steps, batch, interval
        self._waited = self._paused = 0.0
        self._first: _Moment | None = None
        # Log lines and points of the curve have separate intervals.
        self._line = self._point = self._moment(0)

    def timed(self, batches: Iterator[Item]) -> Iterator[Item]:
        """The same batches; the time spent waiting for each is counted."""
        while True:
            started = time.monotonic()
            try:
                batch = next(batches)
            except StopIteration:
                return
            self._waited += time.monotonic() - started
            yield batch

    @contextmanager
    def paused(self) -> Iterator[None]:
        """Time spent inside does not count as training."""
        started = time.monotonic()
        yield
        self._paused += time.monotonic() - started

    def log_step(self, step: int, losses: dict[str, float]) -> None:
        """Call after each step; `step` counts finished ones."""
        if self._first is None:
            # The first step includes warm-up; rates count from its end.
            self._waited = 0.0
            self._first = self._line = self._point = self._moment(step)
        now = self._moment(step)
        if now.time - self._line.time < self._interval and step < self._steps:
            return
        rates, self._line = self._throughput(self._line, now), now
        logger.info(
            "%s: step %d of %d, %.0f pictures/s, %s, %.1f %% waiting for data, %s",
            self._recipe,
            step,
            self._steps,
            rates.get("images_per_second", 0),
            ", ".join(f"{name} {value:.3f}" for name, value in losses.items()),
            100 * rates.get("waiting_share", 0),
            self._time_left(self._first, now),
        )

    def throughput(self, step: int) -> dict[str, float]:
        """Images per second of all workers, and data wait, since the last call; or nothing."""
        now = self._moment(step)
        rates, self._point = self._throughput(self._point, now), now
        return rates

    def _moment(self, step: int) -> _Moment:
        return _Moment(step, time.monotonic() - self._paused, self._waited)

    def _throughput(self, start: _Moment, end: _Moment) -> dict[str, float]:
        seconds = end.time - start.time
        if seconds <= 0 or end.step == start.step:
            return {}
        return {
            "images_per_second": (end.step - start.step) * self._batch / seconds,
            "waiting_share": min(1.0, (end.waited - start.waited) / seconds),
        }

    def _time_left(self, first: _Moment, now: _Moment) -> str:
        done, seconds = now.step - first.step, now.time - first.time
        if not done or seconds <= 0:
            return "warming up"
        return f"{timedelta(seconds=round((self._steps - now.step) * seconds / done))} left"
