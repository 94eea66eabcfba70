"""Evaluates links on a gold file: precision, recall, F1, and the errors by kind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.gold.file import Gold, GoldLabel, GoldText
from components.label.gold.linker import GoldLinker, Link

# Why a label has no correct link, in the order in which the reasons are checked.
MISSED = {
    "not_in_knowledge_base": "the knowledge base does not have the entity",
    "wrong_boundary": "a mention was detected with different boundaries",
    "no_candidate": "no entity in the knowledge base has this name",
    "undetected": "the name is known, but the mention was not detected",
    "gold_not_candidate": "in the knowledge base the name means other entities",
    "abstained": "no candidate is likely enough",
    "wrong_candidate": "another candidate is likelier",
}
# Why a link is wrong.
WRONG_LINKS = {
    "wrong_entity": "the mention means another entity",
    "unknown_entity": "the mention means an entity that Wikidata does not have",
    "wrong_boundary": "the mention has different boundaries than the label",
    "spurious": "no label overlaps the mention",
}
_EXCERPT = 60


@dataclass
class Score:
    """Micro-averaged: `given` predictions, of which `right` are correct, for `wanted` labels."""

    right: int = 0
    given: int = 0
    wanted: int = 0

    def figures(self) -> dict[str, Any]:
        """Counts, and shares in [0, 1] to four digits; None for an empty denominator."""
        precision = self.right / self.given if self.given else None
        recall = self.right / self.wanted if self.wanted else None
        total = self.given + self.wanted
        f1 = 2 * self.right / total if total else None
        return {**vars(self), "precision": _rounded(precision), "recall": _rounded(recall), "f1": _rounded(f1)}


@dataclass
class Errors:
    """How many errors of each kind there are, and the first `keep` of each."""

    keep: int
    counts: Counter[str] = field(default_factory=Counter)
    examples: dict[str, list[dict[str, Any]]] = field(default_factory=dict)

    def add(self, kind: str, example: Mapping[str, Any]) -> None:
        """Counts one error."""
        self.counts[kind] += 1
        kept = self.examples.setdefault(kind, [])
        if len(kept) < self.keep:
            kept.append(dict(example))

    def figures(self, kinds: Mapping[str, str]) -> dict[str, Any]:
        """By kind, in the order of `kinds`: count, meaning and examples."""
        return {
            kind: {"count": self.counts[kind], "meaning": meaning, "examples": self.examples.get(kind, [])}
            for kind, meaning in kinds.items()
        }


@dataclass
class _Tally:
    base: KnowledgeBase
    missed: Errors
    wrong: Errors
    detection: Score = field(default_factory=Score)
    disambiguation: Score = field(default_factory=Score)
    end_to_end: Score = field(default_factory=Score)
    missing: int = 0
    among_candidates: int = 0


def score(gold: Gold, linker: GoldLinker, examples: int) -> dict[str, Any]:
    """Links all texts and compares the links with the labels.

    Returns:
        `texts`, `labels`, `bad_lines`; `mention_detection` (detected spans), `disambiguation`
        (links of the gold spans) and `end_to_end` (links of the detected spans, right if span and
        entity are), each with `right, given, wanted, precision, recall, f1`; `candidate_recall`
        (labels whose entity is among the candidates of their span, of all and of those
        `in_knowledge_base`); `missing_from_knowledge_base` (share of labels); `missed` and
        `wrong_links`: the end-to-end errors by kind, with up to `examples` of each. The counts of
        `missed` add up to the labels without a correct link, those of `wrong_links` to the wrong
        links.
    """
    tally = _Tally(linker.base, Errors(examples), Errors(examples))
    found = linker.links(gold.texts, linker.detect(gold.texts))
    given = linker.links(gold.texts, linker.gold_spans(gold.texts))
    for text, own, of_gold in zip(gold.texts, found, given, strict=True):
        _detection(tally.detection, text, own)
        _disambiguation(tally, text, of_gold)
        _missed(tally, text, own, {(link.start, link.end): link for link in of_gold})
        _wrong_links(tally, text, own)
    labels = tally.end_to_end.wanted
    known = labels - tally.missing
    return {
        "texts": len(gold.texts),
        "labels": labels,
        "bad_lines": [fault.message for fault in gold.bad],
        "mention_detection": tally.detection.figures(),
        "disambiguation": tally.disambiguation.figures(),
        "end_to_end": tally.end_to_end.figures(),
        "candidate_recall": {
            "all": _rounded(tally.among_candidates / labels if labels else None),
            "in_knowledge_base": _rounded(tally.among_candidates / known if known else None),
        },
        "missing_from_knowledge_base": _rounded(tally.missing / labels if labels else None),
        "missed": tally.missed.figures(MISSED),
        "wrong_links": tally.wrong.figures(WRONG_LINKS),
    }


def _detection(detection: Score, text: GoldText, found: Sequence[Link]) -> None:
    """A mention with an optional or unknown label counts neither as right nor as wrong."""
    labels = {(m.start, m.end): m for m in text.labels}
    spans = [(link.start, link.end) for link in found]
    detection.right += sum(1 for span in spans if span in labels and labels[span].required)
    detection.given += sum(1 for span in spans if span not in labels or labels[span].required)
    detection.wanted += sum(1 for label in text.labels if label.required)


def _disambiguation(tally: _Tally, text: GoldText, links: Sequence[Link]) -> None:
    for label, link in zip(text.mandatory, links, strict=True):
        tally.disambiguation.given += link.entity_id is not None
        if label.entity_id is None:
            continue
        tally.disambiguation.wanted += 1
        tally.disambiguation.right += link.entity_id == label.entity_id
        tally.among_candidates += label.entity_id in link.entity_ids
        tally.missing += tally.base.row_of(label.entity_id) is None


def _missed(tally: _Tally, text: GoldText, found: Sequence[Link], of_gold: Mapping[tuple[int, int], Link]) -> None:
    by_span = {(link.start, link.end): link for link in found}
    for label in text.labels:
        if not label.required:
            continue
        span = (label.start, label.end)
        link = by_span.get(span)
        tally.end_to_end.wanted += 1
        if link is not None and link.entity_id == label.entity_id:
            tally.end_to_end.right += 1
        else:
            kind = _why_missed(tally.base, label, link, found, of_gold[span])
            tally.missed.add(kind, _example(tally.base, text, span, label.entity_id, link or of_gold[span]))


def _why_missed(base: KnowledgeBase, label: GoldLabel, link: Link | None, found: Sequence[Link], of_gold: Link) -> str:
    assert label.entity_id is not None
    if base.row_of(label.entity_id) is None:
        return "not_in_knowledge_base"
    if link is None:
        if any(_overlap(label, other) for other in found):
            return "wrong_boundary"
        return "undetected" if of_gold.entity_ids else "no_candidate"
    if label.entity_id not in link.entity_ids:
        return "gold_not_candidate"
    return "abstained" if link.entity_id is None else "wrong_candidate"


def _wrong_links(tally: _Tally, text: GoldText, found: Sequence[Link]) -> None:
    labels = {(m.start, m.end): m for m in text.labels}
    for link in found:
        span = (link.start, link.end)
        label = labels.get(span)
        right = label is not None and label.entity_id == link.entity_id
        if link.entity_id is None or (right and label is not None and label.optional):
            continue
        tally.end_to_end.given += 1
        if not right:
            meant = label.entity_id if label else None
            kind = _why_wrong(label, any(_overlap(other, link) for other in text.labels))
            tally.wrong.add(kind, _example(tally.base, text, span, meant, link))


def _why_wrong(label: GoldLabel | None, overlaps: bool) -> str:
    if label is None:
        return "wrong_boundary" if overlaps else "spurious"
    return "unknown_entity" if label.entity_id is None else "wrong_entity"


def _overlap(label: GoldLabel, link: Link) -> bool:
    return label.start < link.end and link.start < label.end


def _example(
    base: KnowledgeBase, text: GoldText, span: tuple[int, int], gold: str | None, link: Link
) -> dict[str, Any]:
    """One error for the report; `context` is the text around the mention."""
    start, end = span
    return {
        "line": text.line,
        "span": [start, end],
        "mention": text.text[start:end],
        "context": text.text[max(0, start - _EXCERPT) : end + _EXCERPT],
        "gold": _name_of(base, gold),
        "linked": _name_of(base, link.entity_id),
        "candidates": {e: round(float(p), 3) for e, p in zip(link.entity_ids, link.probabilities, strict=True)},
    }


def _name_of(base: KnowledgeBase, entity_id: str | None) -> str | None:
    """`Q43 (Turkey)`."""
    row = base.row_of(entity_id) if entity_id else None
    return f"{entity_id} ({base.entity(row).label})" if row is not None else entity_id


def _rounded(share: float | None) -> float | None:
    return None if share is None else round(share, 4)
