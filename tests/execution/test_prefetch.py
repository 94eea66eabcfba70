"""Items that a thread prefetches."""

import threading
from collections.abc import Iterator

import pytest

from components.execution.prefetch import prefetch


@pytest.mark.parametrize("ahead", [0, 1, 2, 7])
def test_items_keep_their_order(ahead: int) -> None:
    items: list[int | None] = [3, None, 0, 5]
    assert list(prefetch(iter(items), ahead)) == items
    assert list(prefetch(iter(items[:0]), ahead)) == []


@pytest.mark.parametrize("ahead", [1, 2, 5])
def test_at_ahead_the_given_number_of_items_is_prefetched(ahead: int) -> None:
    made, held = [], threading.Event()

    def numbers() -> Iterator[int]:
        for n in range(50):
            made.append(n)
            if n == ahead:
                held.set()
            yield n

    ready = prefetch(numbers(), ahead)
    assert next(ready) == 0
    assert held.wait(10)
    ready.close()
    assert made == list(range(ahead + 1))


@pytest.mark.parametrize("ahead", [0, 1, 3])
def test_an_error_is_raised_in_its_item_s_place(ahead: int) -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    ready = prefetch(failing(), ahead)
    assert [next(ready), next(ready)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(ready)


def test_items_are_made_in_another_thread() -> None:
    (other,) = set(prefetch((threading.get_ident() for _ in range(3)), 2))
    assert other != threading.get_ident()
