"""Gold files: texts with the right entities of their mentions, in ELEVANT's JSONL format.

The format is that of github.com/ad-freiburg/elevant, as its benchmarks are published. A line is an
object with `text` and `labels`, a list of `{"span": [start, end], "entity_id": "Q…"}`: offsets in
characters, end exclusive. Of ELEVANT's other fields these matter, and all others are ignored:

- `optional` of a label (and its `type` QUANTITY or DATETIME): missing it is not an error;
- an `entity_id` that begins with "Unknown", or is `<NIL>`: an entity that Wikidata does not have;
- an `entity_id` that is `<NO_MAPPING>`, or otherwise no Q-id: nobody knows what is right, so the
  span does not count;
- `evaluation_span` of a line: only this part of the text is labelled.

Several labels of one span are alternatives. A label nested in a longer one counts as optional.
"""

import re
from collections import defaultdict
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import orjson

from components.errors import InputError
from components.knowledge.qid import parse_qid

# spaCy reads no longer text.
MAX_CHARACTERS = 1_000_000
UNKNOWN, NO_MAPPING = "Unknown", "<NO_MAPPING>"
_NIL = re.compile(r"<?(?:NIL|UNK|unk_wid)\d*>?", re.IGNORECASE)
_NO_ENTITIES = ("QUANTITY", "DATETIME")
_SHOWN = 60


@dataclass(frozen=True)
class GoldLabel:
    """`text[start:end]` means `entity_id`; None = something that Wikidata does not have.

    Attributes:
        start: offset of the first character.
        end: offset behind the last character.
        entity_id: the right entity.
        optional: neither finding nor missing it counts, only linking it wrongly does.
        alternatives: other entities that are right as well.
        judged: False if nobody knows what is right; then linking it wrongly does not count, either.
    """

    start: int
    end: int
    entity_id: str | None
    optional: bool
    alternatives: tuple[str, ...] = ()
    judged: bool = True

    @property
    def required(self) -> bool:
        """Whether a linker is expected to find it."""
        return self.entity_id is not None and not self.optional

    @property
    def entity_ids(self) -> tuple[str, ...]:
        """All entities that are right."""
        return () if self.entity_id is None else (self.entity_id, *self.alternatives)


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
    """The texts of a gold file, its unusable lines, and its labels that are not counted."""

    texts: tuple[GoldText, ...]
    bad: tuple[BadLine, ...]
    stray: tuple[BadLine, ...] = ()


class _LineError(Exception):
    """What is wrong with a line."""


def read_gold(path: Path, max_left_out: float) -> Gold:
    """Reads a gold file; blank lines are skipped.

    A line with a mistake is left out as a whole: with half of its labels missing, correct links
    would count as wrong. A label whose `entity_id` is no Q-id leaves only its span out.

    Args:
        path: of the file.
        max_left_out: share of texts, and of labels, that may be left out, [0, 1].

    Raises:
        InputError: if the file cannot be read, holds no usable line, or too much is left out.
    """
    try:
        lines = path.read_bytes().removeprefix(b"\xef\xbb\xbf").split(b"\n")
    except OSError as error:
        raise InputError(
            f"{path} cannot be read ({error.strerror}); give a JSONL file with `text` and `labels` on each line"
        ) from error
    texts: list[GoldText] = []
    bad: list[BadLine] = []
    stray: list[BadLine] = []
    labels = 0
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            text, counted, faults = _text(number, line)
        except _LineError as fault:
            bad.append(BadLine(number, f"line {number}: {fault}"))
        else:
            texts.append(text)
            labels += counted
            stray += [BadLine(number, f"line {number}: {fault}") for fault in faults]
    if not texts:
        first = bad[0].message if bad else "it is empty"
        raise InputError(f"{path} holds no usable line; {first}")
    _check_share(path, "texts", bad, len(texts) + len(bad), max_left_out)
    _check_share(path, "labels", stray, labels, max_left_out)
    return Gold(tuple(texts), tuple(bad), tuple(stray))


def _check_share(path: Path, what: str, faults: list[BadLine], total: int, most: float) -> None:
    if len(faults) > most * total:
        raise InputError(
            f"{path}: {len(faults)} of {total} {what} would be left out, more than --max-left-out {most:g} allows; "
            f"fix them, or raise it; {faults[0].message}"
        )


def _text(number: int, line: bytes) -> tuple[GoldText, int, list[str]]:
    """The text of a line, the number of its labels, and what is wrong with some of them."""
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
    read = [_label(n, label, text) for n, label in enumerate(given, start=1)]
    inside = [label for label, _ in read if start <= label.start and label.end <= end]
    faults = [fault for _, fault in read if fault]
    return GoldText(number, text, _with_nested(_merged(inside)), start, end), len(read), faults


def _label(number: int, label: Any, text: str) -> tuple[GoldLabel, str]:
    """A label, and what is wrong with its `entity_id`, if anything."""
    name = f"label {number}"
    if not isinstance(label, dict):
        raise _LineError(f'{name} is {_short(label)}; write {{"span": [start, end], "entity_id": "Q…"}}')
    start, end = _span(label.get("span"), text, f"the span of {name}")
    optional = bool(label.get("optional"))
    if label.get("type") in _NO_ENTITIES:
        return GoldLabel(start, end, None, True), ""
    if "entity_id" not in label or not isinstance(label["entity_id"], str | None):
        fix = f"give a Q-id such as Q43, or {UNKNOWN} if Wikidata has no such entity"
        shown = _short(label["entity_id"]) if "entity_id" in label else "missing"
        raise _LineError(f"`entity_id` of {name} ({_short(text[start:end])}) is {shown}; {fix}")
    entity = (label["entity_id"] or "").strip()
    if entity in _NO_ENTITIES:
        return GoldLabel(start, end, None, True), ""
    if entity.startswith(UNKNOWN) or _NIL.fullmatch(entity):
        return GoldLabel(start, end, None, optional), ""
    if qid := parse_qid(entity):
        return GoldLabel(start, end, qid, optional), ""
    fault = f"`entity_id` of {name} ({_short(text[start:end])}) is {_short(label['entity_id'])}, which is no Q-id"
    return GoldLabel(start, end, None, True, judged=False), "" if entity == NO_MAPPING else fault


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


def _merged(labels: list[GoldLabel]) -> list[GoldLabel]:
    """One label for each span, by offset; the first of several is its main one."""
    by_span: defaultdict[tuple[int, int], list[GoldLabel]] = defaultdict(list)
    for label in labels:
        by_span[label.start, label.end].append(label)
    return [_joined(same) for _, same in sorted(by_span.items())]


def _joined(same: list[GoldLabel]) -> GoldLabel:
    known = [*dict.fromkeys(label.entity_id for label in same if label.entity_id is not None)]
    return replace(
        same[0],
        entity_id=known[0] if known else None,
        optional=all(label.optional for label in same),
        alternatives=tuple(known[1:]),
        judged=all(label.judged for label in same),
    )


def _with_nested(labels: list[GoldLabel]) -> tuple[GoldLabel, ...]:
    """A label inside another is optional."""
    return tuple(replace(m, optional=m.optional or any(_contains(other, m) for other in labels)) for m in labels)


def _contains(outer: GoldLabel, inner: GoldLabel) -> bool:
    return outer is not inner and outer.start <= inner.start and inner.end <= outer.end


def _short(value: Any) -> str:
    shown = repr(value)
    return shown if len(shown) <= _SHOWN else f"{shown[: _SHOWN - 1]}…"
