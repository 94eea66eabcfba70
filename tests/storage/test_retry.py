"""Further attempts at what fails for the moment."""

import time

import pytest

from components.storage.retry import GaveUp, retry


class Server:
    """Raises one error after the other, then answers."""

    def __init__(self, *errors: Exception) -> None:
        self.errors, self.calls = list(errors), 0

    def answer(self) -> str:
        self.calls += 1
        if self.errors:
            raise self.errors.pop(0)
        return "answer"


def is_refusal(error: Exception) -> bool:
    return isinstance(error, PermissionError)


@pytest.fixture
def pauses(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    found: list[float] = []
    monkeypatch.setattr(time, "sleep", found.append)
    return found


def test_an_action_is_called_until_it_succeeds_after_pauses_that_double(pauses: list[float]) -> None:
    server = Server(*[OSError("busy")] * 3)
    assert retry(server.answer, 4, "asking", is_refusal) == "answer"
    assert pauses == [1, 2, 4]


def test_the_last_error_comes_out_with_the_number_of_attempts(pauses: list[float]) -> None:
    last = OSError("still busy")
    with pytest.raises(GaveUp) as raised:
        retry(Server(OSError("busy"), last).answer, 2, "asking", is_refusal)
    assert (raised.value.error, raised.value.attempts) == (last, 2)
    assert pauses == [1]


def test_nothing_is_tried_again_after_a_final_error(pauses: list[float]) -> None:
    server = Server(OSError("busy"), PermissionError("no"))
    with pytest.raises(GaveUp):
        retry(server.answer, 9, "asking", is_refusal)
    assert (server.calls, pauses) == (2, [1])


def test_errors_that_are_no_failures_come_out_as_they_are(pauses: list[float]) -> None:
    with pytest.raises(KeyError):
        retry(Server(KeyError("bug")).answer, 9, "asking", is_refusal, (OSError,))
    assert pauses == []
