"""Evaluates links on a gold file: precision, recall, F1, and the errors by kind."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.gold.file import Gold, GoldLabel, GoldText
from components.label.gold.linker import GoldLinker, Link
from components.label.gold.measures import Scores, capitalised, counts, overlap, rounded

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
    scores: Scores = field(default_factory=Scores)
    capitalised: Scores = field(default_factory=Scores)
    missing: int = 0
    among_candidates: int = 0


def score(gold: Gold, linker: GoldLinker, examples: int) -> dict[str, Any]:
    """Links all texts and compares the links with the labels.

    Returns:
        `left_out` (number of texts), `texts`, `labels`, `bad_lines`, `stray_labels`;
        `mention_detection` (detected spans), `disambiguation` (links of the gold spans),
        `end_to_end` (links of the detected spans, right if span and entity are) and
        `end_to_end_overlap` (right if the entity is and the spans overlap), each with
        `right, given, wanted, precision, recall, f1`; under `capitalised` the same four of mentions
        with a capital initial; `candidate_recall` (labels whose entity is among the candidates of
        their span, of all and of those `in_knowledge_base`); `missing_from_knowledge_base` (share
        of labels); `missed` and `wrong_links`: the end-to-end errors by kind, with up to `examples`
        of each. The counts of `missed` add up to the labels without a correct link, those of
        `wrong_links` to the wrong links.
    """
    tally = _Tally(linker.base, Errors(examples), Errors(examples))
    found = linker.links(gold.texts, linker.detect(gold.texts))
    given = linker.links(gold.texts, linker.gold_spans(gold.texts))
    for text, own, of_gold in zip(gold.texts, found, given, strict=True):
        tally.scores.add(text, own, of_gold)
        tally.capitalised.add(*capitalised(text, own, of_gold))
        _candidates(tally, text, of_gold)
        _missed(tally, text, own, {(link.start, link.end): link for link in of_gold})
        _wrong_links(tally, text, own)
    labels = tally.scores.end_to_end.wanted
    known = labels - tally.missing
    return {
        "left_out": len(gold.bad),
        "texts": len(gold.texts),
        "labels": labels,
        "bad_lines": [fault.message for fault in gold.bad],
        "stray_labels": [fault.message for fault in gold.stray],
        **tally.scores.figures(),
        "capitalised": tally.capitalised.figures(),
        "candidate_recall": {
            "all": rounded(tally.among_candidates / labels if labels else None),
            "in_knowledge_base": rounded(tally.among_candidates / known if known else None),
        },
        "missing_from_knowledge_base": rounded(tally.missing / labels if labels else None),
        "missed": tally.missed.figures(MISSED),
        "wrong_links": tally.wrong.figures(WRONG_LINKS),
    }


def _candidates(tally: _Tally, text: GoldText, links: Sequence[Link]) -> None:
    for label, link in zip(text.mandatory, links, strict=True):
        if label.required:
            tally.among_candidates += any(entity in link.entity_ids for entity in label.entity_ids)
            tally.missing += not _is_known(tally.base, label)


def _is_known(base: KnowledgeBase, label: GoldLabel) -> bool:
    return any(base.row_of(entity) is not None for entity in label.entity_ids)


def _missed(tally: _Tally, text: GoldText, found: Sequence[Link], of_gold: Mapping[tuple[int, int], Link]) -> None:
    by_span = {(link.start, link.end): link for link in found}
    for label in text.labels:
        if not label.required:
            continue
        span = (label.start, label.end)
        link = by_span.get(span)
        if link is None or link.entity_id not in label.entity_ids:
            kind = _why_missed(tally.base, label, link, found, of_gold[span])
            tally.missed.add(kind, _example(tally.base, text, span, label.entity_id, link or of_gold[span]))


def _why_missed(base: KnowledgeBase, label: GoldLabel, link: Link | None, found: Sequence[Link], of_gold: Link) -> str:
    if not _is_known(base, label):
        return "not_in_knowledge_base"
    if link is None:
        if any(overlap(label, other) for other in found):
            return "wrong_boundary"
        return "undetected" if of_gold.entity_ids else "no_candidate"
    if not set(label.entity_ids) & set(link.entity_ids):
        return "gold_not_candidate"
    return "abstained" if link.entity_id is None else "wrong_candidate"


def _wrong_links(tally: _Tally, text: GoldText, found: Sequence[Link]) -> None:
    labels = {(m.start, m.end): m for m in text.labels}
    for link in found:
        span = (link.start, link.end)
        label = labels.get(span)
        if counts(label, link) and (label is None or link.entity_id not in label.entity_ids):
            meant = label.entity_id if label else None
            kind = _why_wrong(label, any(overlap(other, link) for other in text.labels))
            tally.wrong.add(kind, _example(tally.base, text, span, meant, link))


def _why_wrong(label: GoldLabel | None, overlaps: bool) -> str:
    if label is None:
        return "wrong_boundary" if overlaps else "spurious"
    return "unknown_entity" if label.entity_id is None else "wrong_entity"


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
