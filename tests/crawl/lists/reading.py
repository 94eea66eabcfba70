"""Reads lists as a crawl does."""

import io
from collections import Counter
from typing import Any

from components.crawl.pair import Pair
from components.crawl.sources.urls import Urls
from components.crawl.unreadable import Unreadable
from tests.crawl.conftest import knobs

A, B = "http://a.example/1.jpg", "http://b.example/2.jpg"


def read(data: bytes, name: str, counts: Counter[str] | None = None, **changes: Any) -> list[Pair | Unreadable]:
    """What a list gives, in order."""
    counts = Counter() if counts is None else counts
    return list(Urls().read(io.BytesIO(data), name, knobs(**changes), counts))


def pairs(data: bytes, name: str, **changes: Any) -> list[tuple[str, str]]:
    """The URLs and texts of a list."""
    return [one[:2] for one in read(data, name, **changes) if isinstance(one, Pair)]


def unreadable(data: bytes, name: str, **changes: Any) -> list[Unreadable]:
    """What cannot be read of a list."""
    return [one for one in read(data, name, **changes) if isinstance(one, Unreadable)]


def cleaned(data: bytes, name: str, **changes: Any) -> dict[str, int]:
    """What is changed in a list."""
    counts: Counter[str] = Counter()
    read(data, name, counts, **changes)
    return {key.removeprefix("cleaned."): number for key, number in counts.items() if key.startswith("cleaned.")}
