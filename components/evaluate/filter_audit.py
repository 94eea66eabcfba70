"""How often the image filter overrules the text, and how often it is right, by entity frequency.

A CLIP errs most on what it saw least, so a filter may repair the labels of common entities and ruin
those of rare ones. Entities are ranked by the pictures that the text alone would label with them
(not by labels that were kept: the filter's own work would decide who is rare) and cut where a third
and two thirds of those pictures are reached, so that each group has about as many. Equally frequent
entities stay together, in the group of their middle.
"""

import heapq
import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.label.format import BY_IMAGE, COMMON_WORD, KEPT, REPEATED, SURPLUS
from components.label.reader import label_rows

GROUPS = HEAD, MIDDLE, TAIL = "head", "middle", "tail"
ALL, CONTESTED = "all", "contested"  # contested: mentions of which several entities were candidates
AGREED, DROPPED, SWAPPED = "agreed", "dropped", "swapped"
_STANDS = frozenset({KEPT, SURPLUS, REPEATED})
_NORMAL_95 = 1.96


@dataclass(frozen=True)
class Verdict:
    """A mention that the text alone would label, and what the image filter decided about it.

    `chosen` is the text's entity with its probability by the text and its score by the picture,
    `reason` why it was dropped (or that it was kept); `instead` is the entity that the picture
    chose, if it chose another.
    """

    start: int
    end: int
    chosen: str
    text_score: float
    image_score: float
    reason: str
    outcome: str
    instead: str | None
    instead_score: float | None
    contested: bool


def verdicts(decisions: Iterable[Mapping[str, Any]]) -> list[Verdict]:
    """The mentions of one picture that the image filter decided about, in order of offset."""
    by_mention: dict[tuple[int, int], list[Mapping[str, Any]]] = {}
    for decision in decisions:
        if decision["reason"] == COMMON_WORD:  # ruled out before text and picture were weighed
            continue
        by_mention.setdefault((decision["start"], decision["end"]), []).append(decision)
    found = []
    for (start, end), rivals in by_mention.items():
        best = max(rivals, key=lambda d: d["text_score"])
        if best["reason"] not in _STANDS | BY_IMAGE:
            continue
        won = next((d for d in rivals if d["reason"] in _STANDS), None)
        outcome = DROPPED if won is None else AGREED if won is best else SWAPPED
        other = won if outcome == SWAPPED else None
        found.append(
            Verdict(
                start,
                end,
                best["entity_id"],
                best["text_score"],
                best["image_score"],
                best["reason"],
                outcome,
                other["entity_id"] if other else None,
                other["image_score"] if other else None,
                len(rivals) > 1,
            )
        )
    return found


def labelled_by_text(labels: Path) -> Counter[str]:
    """Pictures that the text alone would label with each entity."""
    counts: Counter[str] = Counter()
    for _, row in label_rows(labels, ["decisions"]):
        counts.update({verdict.chosen for verdict in verdicts(row["decisions"])})
    return counts


def by_frequency(counts: Mapping[str, int]) -> dict[str, str]:
    """Entity → `head`, `middle` or `tail` (see above)."""
    sizes = Counter(counts.values())
    total = sum(counts.values())
    group: dict[int, str] = {}
    before = 0
    for count, entities in sorted(sizes.items(), reverse=True):
        middle = before + count * entities / 2
        group[count] = GROUPS[min(2, int(3 * middle / total))]
        before += count * entities
    return {entity: group[count] for entity, count in counts.items()}


@dataclass
class _Tally:
    outcomes: Counter[str] = field(default_factory=Counter)
    # With a truth: mentions whose text choice is right, by outcome, and swaps to the right entity.
    text_right: Counter[str] = field(default_factory=Counter)
    fixed: int = 0

    def add(self, verdict: Verdict, truth: str | None) -> None:
        self.outcomes[verdict.outcome] += 1
        self.text_right[verdict.outcome] += truth is not None and verdict.chosen == truth
        self.fixed += truth is not None and verdict.instead == truth

    def figures(self, *, judged: bool) -> dict[str, Any]:
        mentions, dropped, swapped = self.outcomes.total(), self.outcomes[DROPPED], self.outcomes[SWAPPED]
        overruled = dropped + swapped
        figures: dict[str, Any] = {
            "mentions": mentions,
            "dropped": dropped,
            "swapped": swapped,
            "overruled_share": _share(overruled, mentions),
        }
        if judged:
            right = dropped - self.text_right[DROPPED] + self.fixed
            lost = self.text_right[DROPPED] + self.text_right[SWAPPED]
            figures |= {
                "text_right": _share(self.text_right.total(), mentions),
                "agreed_right": _share(self.text_right[AGREED], self.outcomes[AGREED]),
                "overruled_right": _share(right, overruled),
                "overruled_right_interval": interval(right, overruled),
                # A filter that drops blindly is right as often as the text is wrong.
                "overruled_right_by_chance": _share(mentions - self.text_right.total(), mentions),
                "swapped_right": _share(self.fixed, swapped),
                "lost": lost,
                "lost_share": _share(lost, self.text_right.total()),
            }
        return figures


def audit(labels: Path, truth: Mapping[str, str | None] | None = None) -> dict[str, Any]:
    """The figures of all mentions with a verdict, of contested ones, and of each group of entities.

    Args:
        labels: `data/labels`.
        truth: key of a picture → the Q-id of what it shows, or None where that has none; other
            pictures are left out.

    Returns:
        For each group `mentions`, how many of them the filter `dropped` or `swapped` for a rival,
        and `overruled_share`, either's share; for groups of entities also `entities` and `least`
        and `most`, the pictures of each. With a truth also `text_right` (the text's choice is
        right) and `agreed_right`, shares of all and of those that the filter left alone;
        `overruled_right` (a wrong choice was dropped, or swapped for the right one) with its 95 %
        interval, next to `overruled_right_by_chance`; `swapped_right`; and `lost`: right choices
        that the filter dropped or swapped. A share of nothing is None.
    """
    counts = labelled_by_text(labels)
    groups = by_frequency(counts)
    tallies = {name: _Tally() for name in (ALL, CONTESTED, *GROUPS)}
    for _, row in label_rows(labels, ["key", "decisions"]):
        if truth is not None and row["key"] not in truth:
            continue
        shown = truth[row["key"]] if truth is not None else None
        for verdict in verdicts(row["decisions"]):
            for name in (ALL, groups[verdict.chosen], *([CONTESTED] if verdict.contested else [])):
                tallies[name].add(verdict, shown)
    figures = {name: tally.figures(judged=truth is not None) for name, tally in tallies.items()}
    for name in GROUPS:
        sizes = [count for entity, count in counts.items() if groups[entity] == name]
        figures[name] |= {"entities": len(sizes), "least": min(sizes, default=None), "most": max(sizes, default=None)}
    return figures


def truth_by_key(index: pa.Table, truth: pa.Table) -> dict[str, str | None]:
    """Key → Q-id, of the truth table's pictures (`url, entity_id`) in the index (`key, url`)."""
    known = dict(zip(truth["url"].to_pylist(), truth["entity_id"].to_pylist(), strict=True))
    pairs = zip(index["key"].to_pylist(), index["url"].to_pylist(), strict=True)
    return {key: known[url] for key, url in pairs if url in known}


@dataclass(frozen=True)
class Overruled:
    """A picture's mention that the filter overruled, and the group of the text's choice."""

    shard: int
    key: str
    source: str
    group: str
    verdict: Verdict


def overruled(labels: Path, most: int | None = None) -> list[Overruled]:
    """All overruled mentions in key order; with `most`, as many of each group, drawn by hash."""
    groups = by_frequency(labelled_by_text(labels))
    found = (
        Overruled(number, row["key"], row["source"], groups[verdict.chosen], verdict)
        for number, row in label_rows(labels, ["key", "source", "decisions"])
        for verdict in verdicts(row["decisions"])
        if verdict.outcome != AGREED
    )
    if most is None:
        return list(found)
    drawn: dict[str, list[tuple[int, int, Overruled]]] = {name: [] for name in GROUPS}
    for n, one in enumerate(found):
        draw = -int.from_bytes(sha256(one.key.encode()).digest()[:8], "big")
        heap = drawn[one.group]
        if len(heap) < most:
            heapq.heappush(heap, (draw, n, one))
        else:
            heapq.heappushpop(heap, (draw, n, one))
    return [one for heap in drawn.values() for _, n, one in sorted(heap, key=lambda entry: entry[1])]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None


def interval(part: int, whole: int) -> tuple[float, float] | None:
    """Wilson's 95 % interval of a share; None where there is nothing to share."""
    if not whole:
        return None
    share, z = part / whole, _NORMAL_95
    centre = (share + z * z / (2 * whole)) / (1 + z * z / whole)
    half = z * math.sqrt(share * (1 - share) / whole + z * z / (4 * whole * whole)) / (1 + z * z / whole)
    return round(max(0.0, centre - half), 4), round(min(1.0, centre + half), 4)
