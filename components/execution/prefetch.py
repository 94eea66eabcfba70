"""Runs an iterator in a thread while earlier items are in use, to read or decode during compute."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def prefetch(items: Iterator[Item], ahead: int = 1) -> Iterator[Item]:
    """The same items in the same order; at most `ahead` are ready or in progress (0 = no thread).

    An error that the iterator raises is raised in its item's place. Closing the generator waits for
    the item in progress and takes no more.
    """
    if not ahead:
        yield from items
        return
    end = object()
    with ThreadPoolExecutor(1, "prefetch") as thread:
        pending = deque(thread.submit(next, items, end) for _ in range(ahead))
        try:
            while (item := pending.popleft().result()) is not end:
                pending.append(thread.submit(next, items, end))
                yield item  # type: ignore[misc]  # the end is no item
        finally:
            thread.shutdown(cancel_futures=True)
