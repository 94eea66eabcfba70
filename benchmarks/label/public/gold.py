"""Gold sets: links of their spans and end to end, next to baselines and published linkers."""

import random
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from components.label.gold.file import Gold, read_gold
from components.label.gold.linker import GoldLinker, Link
from components.label.gold.scores import score

# F1 of published linkers on the same files by span and entity, from their links in
# ad-freiburg/elevant: Wikipedia-prior baseline, DBpedia Spotlight, REL, ReFinED, GENRE.
PUBLISHED = {
    "derczynski-half": (0.309, 0.351, 0.459, 0.517, 0.582),
    "rss-500-half": (0.344, 0.298, 0.365, 0.420, 0.420),
    "wiki-fair-half": (0.490, 0.433, 0.514, 0.647, 0.512),
    "aida-conll-dev": (0.527, 0.560, 0.839, 0.873, 0.895),
}
_MAX_LEFT_OUT = 0.05
_RESAMPLED, _SEED, _TAIL = 1000, 18, 0.025


@dataclass(frozen=True)
class SetScore:
    """A gold set.

    Attributes:
        name: of its file.
        spans: labels whose entity is an item of Wikidata.
        right: share of them that is linked rightly, given the span.
        first: share for which the likeliest candidate without context is right.
        difference: 95 % interval of `right - first`, by resampling texts.
        among: share for which the right item is among the candidates.
        end_to_end: figures of `components.label.gold.scores`, capitalised mentions.
    """

    name: str
    spans: int
    right: float
    first: float
    difference: tuple[float, float]
    among: float
    end_to_end: dict[str, Any]


def score_set(path: Path, linker: GoldLinker) -> SetScore:
    """Links the texts of a gold file, whose spans are given and whose spans are found."""
    gold = read_gold(path, _MAX_LEFT_OUT)
    links = linker.links(gold.texts, linker.gold_spans(gold.texts))
    right = _per_text(gold, links, lambda link, ids: link.entity_id in ids)
    first = _per_text(gold, links, lambda link, ids: bool(link.entity_ids) and link.entity_ids[0] in ids)
    among = _per_text(gold, links, lambda link, ids: not set(ids).isdisjoint(link.entity_ids))
    spans = sum(n for n, _ in right)
    return SetScore(
        path.stem,
        spans,
        sum(r for _, r in right) / spans,
        sum(r for _, r in first) / spans,
        _interval([n for n, _ in right], [r - f for (_, r), (_, f) in zip(right, first, strict=True)]),
        sum(r for _, r in among) / spans,
        score(gold, linker, 0)["capitalised"]["end_to_end"],
    )


def _per_text(gold: Gold, links: Sequence[Sequence[Link]], is_right: Any) -> list[tuple[int, int]]:
    """Of each text, the number of its required labels and of those that are right."""
    found = []
    for text, own in zip(gold.texts, links, strict=True):
        known = [(label, link) for label, link in zip(text.mandatory, own, strict=True) if label.required]
        found.append((len(known), sum(is_right(link, label.entity_ids) for label, link in known)))
    return found


def _interval(weights: Sequence[int], gains: Sequence[int]) -> tuple[float, float]:
    """95 % interval of the mean gain of a span: percentiles over resampled texts."""
    chance = random.Random(_SEED)
    means = []
    for _ in range(_RESAMPLED):
        drawn = chance.choices(range(len(weights)), k=len(weights))
        means.append(sum(gains[n] for n in drawn) / max(1, sum(weights[n] for n in drawn)))
    means.sort()
    return means[int(_TAIL * _RESAMPLED)], means[int((1 - _TAIL) * _RESAMPLED)]
