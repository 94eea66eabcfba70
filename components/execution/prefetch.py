"""An iterator that a thread runs while the items before are in use: for reading, decoding or unpacking beside computing."""

from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

Item = TypeVar("Item")


def ahead(items: Iterator[Item], most: int = 1) -> Iterator[Item]:
    """The same items in the same order, of which at most `most` are ready or under way beside the one in use (0 = no thread).

    What the iterator raises is raised in its item's place. Closing the generator waits for the item under way, and takes no more.
    """
    if not most:
        yield from items
        return
    end = object()
    with ThreadPoolExecutor(1, "ahead") as thread:
        line = deque(thread.submit(next, items, end) for _ in range(most))
        try:
            while (item := line.popleft().result()) is not end:
                line.append(thread.submit(next, items, end))
                yield item  # type: ignore[misc]  # the end is no item
        finally:
            thread.shutdown(cancel_futures=True)
