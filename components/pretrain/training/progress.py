"""What a training tells while it runs: a line for the operator every few seconds, and a point of its curves now and then."""

import json
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
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
    """Logs step, rate, losses, the share of time spent waiting for data and the time that is left, every `interval` seconds."""

    def __init__(self, recipe: str, steps: int, batch: int, interval: float) -> None:
        self._recipe, self._steps, self._batch, self._interval = recipe, steps, batch, interval
        self._waited = self._paused = 0.0
        self._first: _Moment | None = None
        # Lines and points of curves come at times of their own; each tells of what was since the one before it.
        self._line = self._point = self._moment(0)

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

    @contextmanager
    def paused(self) -> Iterator[None]:
        """What is done inside is no training: it slows no rate down."""
        began = time.monotonic()
        yield
        self._paused += time.monotonic() - began

    def show(self, step: int, losses: dict[str, float]) -> None:
        """Call after each step; `step` counts finished ones."""
        if self._first is None:
            # The first step pays for warming up; rates count from its end.
            self._waited = 0.0
            self._first = self._line = self._point = self._moment(step)
        here = self._moment(step)
        if here.time - self._line.time < self._interval and step < self._steps:
            return
        pace, self._line = self._pace(self._line, here), here
        logger.info(
            "%s: step %d of %d, %.0f pictures/s, %s, %.1f %% waiting for data, %s",
            self._recipe,
            step,
            self._steps,
            pace.get("images_per_second", 0),
            ", ".join(f"{name} {value:.3f}" for name, value in losses.items()),
            100 * pace.get("waiting_share", 0),
            self._left(self._first, here),
        )

    def pace(self, step: int) -> dict[str, float]:
        """Images per second over all workers and the share of time spent waiting for data, since the call before.

        Nothing where no step lies between.
        """
        here = self._moment(step)
        pace, self._point = self._pace(self._point, here), here
        return pace

    def _moment(self, step: int) -> _Moment:
        return _Moment(step, time.monotonic() - self._paused, self._waited)

    def _pace(self, begin: _Moment, end: _Moment) -> dict[str, float]:
        seconds = end.time - begin.time
        if seconds <= 0 or end.step == begin.step:
            return {}
        return {
            "images_per_second": (end.step - begin.step) * self._batch / seconds,
            "waiting_share": min(1.0, (end.waited - begin.waited) / seconds),
        }

    def _left(self, first: _Moment, here: _Moment) -> str:
        done, seconds = here.step - first.step, here.time - first.time
        if not done or seconds <= 0:
            return "warming up"
        return f"{timedelta(seconds=round((self._steps - here.step) * seconds / done))} left"


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
