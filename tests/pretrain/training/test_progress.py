"""Rates of a training: of lines for the operator, and of points of its curves."""

import logging
from collections.abc import Iterator

import pytest

from components.pretrain.training import progress
from components.pretrain.training.progress import Progress


class Clock:
    """Seconds that pass when a test says so."""

    def __init__(self) -> None:
        self.now = 100.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(progress, "time", made)
    return made


@pytest.mark.parametrize("interval", [1e-9, 3.0, 1e9])
def test_every_point_has_the_rate_since_the_one_before_whenever_lines_are_told(clock: Clock, interval: float) -> None:
    told = Progress("clip", 6, 10, interval)
    rates = []
    for step in range(1, 7):
        clock.now += step
        told.show(step, {"contrastive": 1.0})
        if step % 2 == 0:
            rates.append(told.pace(step)["images_per_second"])
    assert rates == pytest.approx([10 / 2, 20 / 7, 20 / 11])


def test_what_is_no_training_slows_no_rate_down(clock: Clock) -> None:
    told = Progress("clip", 6, 10, 1e9)
    told.show(1, {})
    clock.now += 2
    with told.paused():
        clock.now += 1000
    assert told.pace(2) == {"images_per_second": 5, "waiting_share": 0}
    assert told.pace(2) == {}, "no step lies between"


def test_a_line_tells_of_what_was_since_the_line_before_and_of_what_is_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    told = Progress("clip", 11, 8, 4.0)
    with caplog.at_level(logging.INFO, logger="components.pretrain"):
        for step in (1, 2, 3):
            clock.now += 4
            told.show(step, {"contrastive": 0.5})
    assert caplog.messages == [
        "clip: step 2 of 11, 2 pictures/s, contrastive 0.500, 0.0 % waiting for data, 0:00:36 left",
        "clip: step 3 of 11, 2 pictures/s, contrastive 0.500, 0.0 % waiting for data, 0:00:32 left",
    ]


def test_the_time_that_batches_are_waited_for_is_a_share(clock: Clock) -> None:
    def batches() -> Iterator[int]:
        for number in range(2):
            clock.now += 3
            yield number

    told = Progress("clip", 3, 8, 1e9)
    for step, _ in enumerate(told.watched(batches()), 1):
        clock.now += 1
        told.show(step, {})
    assert told.pace(2)["waiting_share"] == 0.75
