"""The record of a picture in another's shard → the fields that are copied from it."""

from typing import Any

from components.crawl.cleaning import CLEANED, INT32, Cleaning
from components.shards.reader import Picture

_ADDRESSES = ("url", "page_url")
_TEXTS = ("page_title", "context")
_NAMES = ("page_language", "site")
_LONGEST_NAME = 255  # characters; no host has more
_NUMBERS = {"original_width": (1, INT32), "original_height": (1, INT32), "http_status": (100, 599)}


def clean_record(picture: Picture, cleaning: Cleaning, longest: int) -> dict[str, Any]:
    """The fields, as far as the schema of shards can hold them; all others are computed again.

    Args:
        picture: with whatever its `KEY.json` holds.
        cleaning: counts what is changed.
        longest: characters of a text, at most.
    """
    cleaning.counts.update(f"{CLEANED}{change}" for change in picture.changes)
    theirs = picture.record
    record: dict[str, Any] = {name: cleaning.address(theirs.get(name)) for name in _ADDRESSES}
    record |= {name: cleaning.text(theirs.get(name), longest) for name in _TEXTS}
    record |= {name: cleaning.text(theirs.get(name), _LONGEST_NAME) for name in _NAMES}
    record |= {"caption": cleaning.text(picture.caption, longest)}
    numbers = {name: cleaning.number(theirs.get(name), *limits) for name, limits in _NUMBERS.items()}
    return record | {name: number for name, number in numbers.items() if number is not None}
