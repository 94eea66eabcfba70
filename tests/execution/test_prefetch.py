"""Items made ready by a thread."""

import threading
from collections.abc import Iterator

import pytest

from components.execution.prefetch import ahead


@pytest.mark.parametrize("most", [0, 1, 2, 7])
def test_items_keep_their_order(most: int) -> None:
    items: list[int | None] = [3, None, 0, 5]
    assert list(ahead(iter(items), most)) == items
    assert list(ahead(iter(items[:0]), most)) == []


@pytest.mark.parametrize("most", [1, 2, 5])
def test_no_more_items_are_made_than_are_held(most: int) -> None:
    made, held = [], threading.Event()

    def numbers() -> Iterator[int]:
        for n in range(50):
            made.append(n)
            if n == most:
                held.set()
            yield n

    ready = ahead(numbers(), most)
    assert next(ready) == 0
    assert held.wait(10)
    ready.close()
    assert made == list(range(most + 1))


@pytest.mark.parametrize("most", [0, 1, 3])
def test_an_error_comes_in_its_item_s_place(most: int) -> None:
    def failing() -> Iterator[int]:
        yield 1
        yield 2
        raise ValueError("broken")

    ready = ahead(failing(), most)
    assert [next(ready), next(ready)] == [1, 2]
    with pytest.raises(ValueError, match="broken"):
        next(ready)


def test_items_are_made_in_another_thread() -> None:
    (other,) = set(ahead((threading.get_ident() for _ in range(3)), 2))
    assert other != threading.get_ident()
