"""The throughput in log lines, and in points of the curve."""

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
def test_the_rate_of_a_point_does_not_depend_on_the_interval_of_lines(clock: Clock, interval: float) -> None:
    progress_log = Progress("clip", 6, 10, interval)
    rates = []
    for step in range(1, 7):
        clock.now += step
        progress_log.log_step(step, {"contrastive": 1.0})
        if step % 2 == 0:
            rates.append(progress_log.throughput(step)["images_per_second"])
    assert rates == pytest.approx([10 / 2, 20 / 7, 20 / 11])


def test_paused_time_does_not_lower_the_rate(clock: Clock) -> None:
    progress_log = Progress("clip", 6, 10, 1e9)
    progress_log.log_step(1, {})
    clock.now += 2
    with progress_log.paused():
        clock.now += 1000
    assert progress_log.throughput(2) == {"images_per_second": 5, "waiting_share": 0}
    assert progress_log.throughput(2) == {}, "no step in between"


def test_a_line_has_the_rate_since_the_previous_line_and_the_time_left(
    clock: Clock, caplog: pytest.LogCaptureFixture
) -> None:
    progress_log = Progress("clip", 11, 8, 4.0)
    with caplog.at_level(logging.INFO, logger="components.pretrain"):
        for step in (1, 2, 3):
            clock.now += 4
            progress_log.log_step(step, {"contrastive": 0.5})
    assert caplog.messages == [
        "clip: step 2 of 11, 2 pictures/s, contrastive 0.500, 0.0 % waiting for data, 0:00:36 left",
        "clip: step 3 of 11, 2 pictures/s, contrastive 0.500, 0.0 % waiting for data, 0:00:32 left",
    ]


def test_the_time_spent_waiting_for_batches_is_reported_as_a_share(clock: Clock) -> None:
    def batches() -> Iterator[int]:
        for number in range(2):
            clock.now += 3
            yield number

    progress_log = Progress("clip", 3, 8, 1e9)
    for step, _ in enumerate(progress_log.timed(batches()), 1):
        clock.now += 1
        progress_log.log_step(step, {})
    assert progress_log.throughput(2)["waiting_share"] == 0.75
