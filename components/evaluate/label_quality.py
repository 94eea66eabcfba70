"""Precision and recall of the labels against the truth table, before and after the image filter."""

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pyarrow as pa

from components.label.format import BY_IMAGE, KEPT
from components.label.reader import label_rows

CONFUSIONS = 40


@dataclass
class _Tally:
    pictures: int = 0
    linkable: int = 0
    labels: int = 0
    right: int = 0
    found: int = 0

    def add(self, truth: str | None, labels: Iterable[str]) -> None:
        given = list(labels)
        self.pictures += 1
        self.linkable += truth is not None
        self.labels += len(given)
        self.right += given.count(truth) if truth is not None else 0
        self.found += truth is not None and truth in given

    def figures(self) -> dict[str, Any]:
        return {
            "pictures": self.pictures,
            "linkable": self.linkable,
            "labels": self.labels,
            "precision": round(self.right / self.labels, 4) if self.labels else None,
            "recall": round(self.found / self.linkable, 4) if self.linkable else None,
        }


@dataclass
class _Tallies:
    after: _Tally = field(default_factory=_Tally)
    before: _Tally = field(default_factory=_Tally)
    domains: dict[str, _Tally] = field(default_factory=dict)
    ambiguous: int = 0
    ambiguous_right: int = 0
    confusions: Counter[tuple[str, str, str]] = field(default_factory=Counter)


def measure(labels_folder: Path, index: pa.Table, truth: pa.Table) -> dict[str, Any]:
    """Precision and recall of the labels.

    Precision = right labels / all labels given to pictures of the truth table; a label is right
    when it is the truth's Q-id of the picture, so every label of a picture whose concept has no
    Q-id is wrong. Recall = linkable pictures (the truth has a Q-id) with the right label / linkable
    pictures that were crawled.

    Args:
        labels_folder: `data/labels`.
        index: `key` and `url` of the crawl's pictures (`components.shards.index.read_index`).
        truth: `url, concept, domain, entity_id`.

    Returns:
        `precision, recall, labels, linkable, pictures`; the same under `before_image_filter` and by
        `domains`; `ambiguous` (pictures whose name has several meanings, the right one among them,
        and the share decided rightly);
        `confusions`: the most frequent wrong labels (`concept`, `truth`, `label`, `count`).
    """
    known = {row["url"]: row for row in truth.select(["url", "concept", "domain", "entity_id"]).to_pylist()}
    urls = dict(zip(index.column("key").to_pylist(), index.column("url").to_pylist(), strict=True))
    tallies = _Tallies()
    for _, row in label_rows(labels_folder, ["key", "entities", "decisions"]):
        fact = known.get(urls.get(row["key"]))
        if fact is not None:
            _count(tallies, fact, row)
    confusions = sorted(tallies.confusions.items(), key=lambda item: (-item[1], item[0]))[:CONFUSIONS]
    return {
        **tallies.after.figures(),
        "before_image_filter": tallies.before.figures(),
        "domains": {name: tally.figures() for name, tally in sorted(tallies.domains.items())},
        "ambiguous": {
            "pictures": tallies.ambiguous,
            "accuracy": round(tallies.ambiguous_right / tallies.ambiguous, 4) if tallies.ambiguous else None,
        },
        "confusions": [
            {"concept": concept, "truth": right or None, "label": label, "count": count}
            for (concept, right, label), count in confusions
        ],
    }


def _count(tallies: _Tallies, fact: Mapping[str, Any], row: Mapping[str, Any]) -> None:
    right: str | None = fact["entity_id"]
    tallies.after.add(right, row["entities"])
    tallies.before.add(right, before_image_filter(row["decisions"]))
    tallies.domains.setdefault(str(fact["domain"]), _Tally()).add(right, row["entities"])
    if any(len(rivals) > 1 and right in rivals for rivals in _rivals(row["decisions"])):
        tallies.ambiguous += 1
        tallies.ambiguous_right += right in row["entities"]
    for label in row["entities"]:
        if label != right:
            tallies.confusions[(str(fact["concept"]), right or "", label)] += 1


def _rivals(decisions: Iterable[Mapping[str, Any]]) -> list[list[str]]:
    by_mention: dict[int, list[str]] = {}
    for decision in decisions:
        by_mention.setdefault(decision["start"], []).append(decision["entity_id"])
    return list(by_mention.values())


def before_image_filter(decisions: Iterable[Mapping[str, Any]]) -> list[str]:
    """The entities that the text alone would give, from a picture's decisions, by offset.

    Of each mention that is not dropped for its text, that is the candidate likeliest by the text.
    """
    by_mention: dict[int, list[Mapping[str, Any]]] = {}
    for decision in decisions:
        by_mention.setdefault(decision["start"], []).append(decision)
    entities: list[str] = []
    for rivals in by_mention.values():
        best = max(rivals, key=lambda d: d["text_score"])
        by_text = best["reason"] == KEPT or best["reason"] in BY_IMAGE
        if by_text and best["entity_id"] not in entities:
            entities.append(best["entity_id"])
    return entities
