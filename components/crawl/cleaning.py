"""Values of rows that others wrote → what our schemas hold: all such rows pass here.

Nothing is raised, whatever the value, and what changes a value is counted.
"""

import math
from collections import Counter
from decimal import Decimal
from typing import Any

from components.crawl.pages.page import collapse
from components.storage.foreign.texts import decode_text

CLEANED = "cleaned."
INT32 = (1 << 31) - 1
_LONGEST_ADDRESS = 2048
# What `collapse` looks at of a text, as a multiple of its longest length.
LOOKED_AT = 4
# Values of a list that are looked at; the first one that says something is taken.
ALTERNATIVES = 8


class Cleaning:
    """Cleans values and counts what it changes.

    Attributes:
        counts: receives the changes, by `cleaned.CHANGE`. The changes: `bytes` (text stored as
            bytes), `encoding` (which were not UTF-8), `list` (first of several), `characters`
            (control characters and half surrogates, removed), `truncated`, `wrong_type` and
            `out_of_range` (left out), `number` (written as a text or a fraction).
    """

    def __init__(self, counts: Counter[str]) -> None:
        self.counts = counts

    def text(self, value: Any, longest: int) -> str:
        """A text of at most `longest` characters on one line; empty for what is none."""
        if type(value) is str and len(value) <= longest and value.isprintable():
            return collapse(value, longest)
        whole = self._string(value)
        if not whole:
            return ""
        looked_at = whole[: LOOKED_AT * longest]
        if not looked_at.isprintable() and any(not (c.isprintable() or c.isspace()) for c in looked_at):
            self._count("characters")
        text = collapse(looked_at, longest)
        if len(whole) > longest and (len(whole) > len(looked_at) or len(collapse(looked_at, len(looked_at))) > longest):
            self._count("truncated")
        return text

    def address(self, value: Any) -> str:
        """A text without white space around it and control characters; empty if it is too long."""
        if type(value) is str and len(value) <= _LONGEST_ADDRESS and value.isprintable():
            return value.strip()
        whole = self._string(value).strip()
        if len(whole) > _LONGEST_ADDRESS:
            self._count("out_of_range")
            return ""
        if not whole.isprintable():
            self._count("characters")
            whole = "".join(filter(str.isprintable, whole))
        return whole

    def number(self, value: Any, lowest: int, highest: int) -> int | None:
        """A whole number in that range, also if it is written as `"640"` or `640.0`."""
        if _is_nothing(value):
            return None
        if isinstance(value, bool) or not isinstance(value, (int, float, str)):
            self._count("wrong_type")
            return None
        number = value if isinstance(value, int) else _whole(value)
        if number is None:
            self._count("wrong_type" if isinstance(value, str) else "out_of_range")
            return None
        if not lowest <= number <= highest:
            self._count("out_of_range")
            return None
        if not isinstance(value, int):
            self._count("number")
        return number

    def _string(self, value: Any) -> str:
        if isinstance(value, (list, tuple)):
            value = self._first(value)
        if isinstance(value, str):
            return value
        if _is_nothing(value):
            return ""
        if isinstance(value, (bytes, bytearray, memoryview)):
            self._count("bytes")
            text, encoding = decode_text(bytes(value))
            if encoding != "utf-8":
                self._count("encoding")
            return text
        self._count("wrong_type")
        return ""

    def _first(self, values: list[Any] | tuple[Any, ...]) -> Any:
        said = [value for value in values[:ALTERNATIVES] if not _is_nothing(value) and value not in ("", b"")]
        if len(values) > 1:
            self._count("list")
        return said[0] if said else None

    def _count(self, change: str) -> None:
        self.counts[f"{CLEANED}{change}"] += 1


def _is_nothing(value: Any) -> bool:
    """Whether it stands for an absent value: pandas writes NaN for one."""
    if isinstance(value, Decimal):
        return value.is_nan()
    return value is None or (isinstance(value, float) and math.isnan(value))


def _whole(value: float | str) -> int | None:
    try:
        number = float(value)
    except ValueError:
        return None
    return int(number) if number.is_integer() else None
