"""JSON that strict parsers refuse → the same as they read it."""

import math
from typing import Any

import msgspec

from components.crawl.cleaning import CLEANED, Cleaning
from components.storage.foreign.json_values import parse_json


def strict_json(data: bytes, cleaning: Cleaning) -> bytes:
    """The same value without half surrogates, control characters, NaN and infinite numbers.

    Raises:
        ValueError: if it is no JSON, or nested too deeply.
    """
    value, encoding = parse_json(data)
    if encoding != "utf-8":
        cleaning.counts[f"{CLEANED}encoding"] += 1
    try:
        return msgspec.json.encode(_strict(value, cleaning))
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _strict(value: Any, cleaning: Cleaning) -> Any:
    if isinstance(value, dict):
        return {_strict(name, cleaning): _strict(one, cleaning) for name, one in value.items()}
    if isinstance(value, list):
        return [_strict(one, cleaning) for one in value]
    if isinstance(value, str) and not value.isprintable():
        # White space of any kind is left to those who use the text.
        kept = "".join(c for c in value if c.isprintable() or c.isspace())
        cleaning.counts[f"{CLEANED}characters"] += kept != value
        return kept
    return None if isinstance(value, float) and not math.isfinite(value) else value
