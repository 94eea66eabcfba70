"""Pictures in JSON-LD: schema.org's `ImageObject`."""

import json
from collections.abc import Iterable, Iterator
from typing import Any

from components.crawl.pages.page import Described

_TYPE = "ImageObject"
_ADDRESSES = ("contentUrl", "url", "thumbnailUrl")
_TEXTS = ("caption", "description", "abstract", "name", "headline", "alternateName")
# Of one page; real ones have a few kilobytes and some hundred values.
_MAX_CHARACTERS, _MAX_VALUES = 1_000_000, 100_000


def read_image_objects(scripts: Iterable[str]) -> Iterator[Described]:
    """The pictures that the JSON-LD of a page describes; scripts that are not JSON have none.

    An `ImageObject` without an address is skipped: it may only refer to another by its `@id`.
    """
    left = _MAX_CHARACTERS
    for script in scripts:
        left -= len(script)
        if left < 0:
            return
        if _TYPE in script:
            yield from _described(_decode(script))


def _decode(script: str) -> Any:
    text = script.strip().removeprefix("<!--").removesuffix("-->").strip().rstrip(";")
    try:
        return json.loads(text, strict=False)
    except (ValueError, RecursionError):
        return None


def _described(content: Any) -> Iterator[Described]:
    """In the order of the document, without recursion."""
    waiting, number = [content], 0
    while waiting and number < _MAX_VALUES:
        value = waiting.pop()
        number += 1
        if isinstance(value, list):
            waiting.extend(reversed(value))
        elif isinstance(value, dict):
            if _TYPE in _types(value.get("@type")):
                reference = next(_strings(value, _ADDRESSES), "")
                if reference:
                    yield reference, tuple(_strings(value, _TEXTS))
            waiting.extend(reversed(value.values()))


def _types(value: Any) -> Iterator[str]:
    for one in value if isinstance(value, list) else [value]:
        if isinstance(one, str):
            yield one.rpartition("/")[2].rpartition(":")[2]


def _strings(value: dict[str, Any], names: tuple[str, ...]) -> Iterator[str]:
    """Texts of properties: strings, or JSON-LD's `{"@value": …}` and `{"@id": …}`, or lists."""
    for name in names:
        found = value.get(name)
        for one in found if isinstance(found, list) else [found]:
            text = (one.get("@value") or one.get("@id")) if isinstance(one, dict) else one
            if isinstance(text, str) and text.strip():
                yield text.strip()
                break
