"""Gold files: texts with the right entities of their mentions, in ELEVANT's JSONL format.

The format is that of github.com/ad-freiburg/elevant. A line is an object with `text` and `labels`,
a list of `{"span": [start, end], "entity_id": "Q…"}`: offsets in characters, end exclusive. Of
ELEVANT's other fields these three matter, and all others are ignored:

- `optional` of a label (and its `type` QUANTITY or DATETIME): missing it is not an error;
- an `entity_id` that begins with "Unknown": an entity that Wikidata does not have;
- `evaluation_span` of a line: only this part of the text is labelled.

A label nested in a longer one counts as optional.
"""

from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import orjson

from components.errors import InputError
from components.knowledge.qid import is_qid

# spaCy reads no longer text.
MAX_CHARACTERS = 1_000_000
UNKNOWN = "Unknown"
_NO_ENTITIES = frozenset({"QUANTITY", "DATETIME"})
_SHOWN = 60


@dataclass(frozen=True)
class GoldLabel:
    """`text[start:end]` means `entity_id`; None = something that Wikidata does not have.

    `optional`: neither finding nor missing it counts, only linking it wrongly does.
    """

    start: int
    end: int
    entity_id: str | None
    optional: bool

    @property
    def required(self) -> bool:
        """Whether a linker is expected to find it."""
        return self.entity_id is not None and not self.optional


@dataclass(frozen=True)
class GoldText:
    """A text of a gold file with its labels by offset.

    `line` counts from 1; `start` to `end` is the part that is labelled.
    """

    line: int
    text: str
    labels: tuple[GoldLabel, ...]
    start: int
    end: int

    @property
    def mandatory(self) -> tuple[GoldLabel, ...]:
        """The labels that are not optional."""
        return tuple(label for label in self.labels if not label.optional)


@dataclass(frozen=True)
class BadLine:
    """An unusable line: its number, counted from 1, and what to fix."""

    line: int
    message: str


@dataclass(frozen=True)
class Gold:
    """The texts of a gold file, and its unusable lines."""

    texts: tuple[GoldText, ...]
    bad: tuple[BadLine, ...]


class _LineError(Exception):
    """What is wrong with a line."""


def read_gold(path: Path) -> Gold:
    """Reads a gold file; blank lines are skipped.

    A line with any mistake is left out as a whole: with half of its labels missing, correct links
    would count as wrong.

    Raises:
        InputError: if the file cannot be read, or holds no usable line.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give a JSONL file with `text` and `labels` on each line"
        ) from error
    texts: list[GoldText] = []
    bad: list[BadLine] = []
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            texts.append(_text(number, line))
        except _LineError as fault:
            bad.append(BadLine(number, f"line {number}: {fault}"))
    if not texts:
        first = bad[0].message if bad else "it is empty"
        raise InputError(f"{path} holds no usable line; {first}")
    return Gold(tuple(texts), tuple(bad))


def _text(number: int, line: bytes) -> GoldText:
    try:
        content = orjson.loads(line)
    except orjson.JSONDecodeError as error:
        raise _LineError(f"not JSON ({error.msg}); write one object per line") from None
    if not isinstance(content, dict):
        raise _LineError(f'{_short(content)} is not an object; write {{"text": …, "labels": […]}}')
    text = content.get("text")
    if not isinstance(text, str) or not text.strip():
        raise _LineError(f"`text` is {_short(text)}; give the text that the spans point into")
    if len(text) > MAX_CHARACTERS:
        raise _LineError(f"`text` has {len(text)} characters; split it into texts of at most {MAX_CHARACTERS}")
    given = content.get("labels", [])
    if not isinstance(given, list):
        raise _LineError(f"`labels` is {_short(given)}; give a list, empty if nothing is named")
    whole = content.get("evaluation_span") or [0, len(text)]
    start, end = _span(whole, text, "`evaluation_span`")
    labels = sorted((_label(n, label, text) for n, label in enumerate(given, start=1)), key=lambda m: (m.start, m.end))
    _no_repetition(labels)
    inside = (m for m in labels if start <= m.start and m.end <= end)
    return GoldText(number, text, _with_nested(tuple(inside)), start, end)


def _label(number: int, label: Any, text: str) -> GoldLabel:
    name = f"label {number}"
    if not isinstance(label, dict):
        raise _LineError(f'{name} is {_short(label)}; write {{"span": [start, end], "entity_id": "Q…"}}')
    start, end = _span(label.get("span"), text, f"the span of {name}")
    entity = label.get("entity_id")
    unknown = isinstance(entity, str) and entity.startswith(UNKNOWN)
    optional = bool(label.get("optional")) or label.get("type") in _NO_ENTITIES
    if label.get("type") in _NO_ENTITIES:
        return GoldLabel(start, end, None, True)
    if unknown:
        return GoldLabel(start, end, None, optional)
    if not isinstance(entity, str) or not is_qid(entity):
        fix = f"give a Q-id such as Q43, or {UNKNOWN} if Wikidata has no such entity"
        raise _LineError(f"`entity_id` of {name} ({_short(text[start:end])}) is {_short(entity)}; {fix}")
    return GoldLabel(start, end, entity, optional)


def _span(span: Any, text: str, name: str) -> tuple[int, int]:
    # JSON's true is no offset, though Python takes it for 1.
    whole = isinstance(span, list) and len(span) == 2 and all(type(offset) is int for offset in span)
    if not whole:
        raise _LineError(f"{name} is {_short(span)}; give [start, end], two whole numbers")
    start, end = span
    if not 0 <= start < end <= len(text):
        raise _LineError(
            f"{name} is [{start}, {end}] in a text of {len(text)} characters; it must be 0 ≤ start < end ≤ {len(text)}, "
            "in characters, end exclusive"
        )
    return start, end


def _no_repetition(labels: list[GoldLabel]) -> None:
    for one, other in pairwise(labels):
        if (one.start, one.end) == (other.start, other.end):
            raise _LineError(f"the span [{one.start}, {one.end}] is labelled twice; keep one of the two")


def _with_nested(labels: tuple[GoldLabel, ...]) -> tuple[GoldLabel, ...]:
    """A label inside another is optional."""
    return tuple(
        GoldLabel(m.start, m.end, m.entity_id, m.optional or any(_contains(other, m) for other in labels))
        for m in labels
    )


def _contains(outer: GoldLabel, inner: GoldLabel) -> bool:
    return outer is not inner and outer.start <= inner.start and inner.end <= outer.end


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
