"""JSON that others wrote: what Python, JavaScript and pandas write is read, whatever its values."""

import json
import math
from collections.abc import Callable
from typing import Any

import msgspec

from components.storage.foreign.texts import decode_text

# More digits than any number that means something; Python refuses to read much longer ones.
_DIGITS = 400


def parse_json(data: bytes, guess: Callable[[bytes], str] | None = None) -> tuple[Any, str]:
    """The value, as `json.loads` gives it, and the encoding that it was in.

    Numbers that are too long to be one are infinite. NaN, infinities, half surrogates, control
    characters in strings, byte order marks and other encodings than UTF-8 are accepted.

    Args:
        data: the JSON.
        guess: see `decode_text`.

    Raises:
        ValueError: if it is no JSON, or nested too deeply; nothing else.
    """
    try:
        return msgspec.json.decode(data), "utf-8"
    except RecursionError:
        raise ValueError("nested too deeply") from None
    except ValueError:
        return _lenient(data, guess)


def _lenient(data: bytes, guess: Callable[[bytes], str] | None) -> tuple[Any, str]:
    text, encoding = decode_text(data, guess)
    try:
        return json.loads(text, strict=False, parse_int=_whole), encoding
    except RecursionError:
        raise ValueError("nested too deeply") from None


def _whole(digits: str) -> int | float:
    return int(digits) if len(digits) <= _DIGITS else math.inf
