"""Precision and recall of links: which of them count, and which are right."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from components.label.gold.file import GoldLabel, GoldText
from components.label.gold.linker import Link


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
        return {**vars(self), "precision": rounded(precision), "recall": rounded(recall), "f1": rounded(f1)}


@dataclass
class Scores:
    """The four scores of some texts, as `scores.score` describes them."""

    mention_detection: Score = field(default_factory=Score)
    disambiguation: Score = field(default_factory=Score)
    end_to_end: Score = field(default_factory=Score)
    end_to_end_overlap: Score = field(default_factory=Score)

    def add(self, text: GoldText, found: Sequence[Link], of_gold: Sequence[Link]) -> None:
        """Adds a text.

        Args:
            text: with its labels.
            found: links of the detected spans.
            of_gold: links of the mandatory labels' spans, in their order.
        """
        labels = {(m.start, m.end): m for m in text.labels}
        at_spans = [(link, labels.get((link.start, link.end))) for link in found]
        required = [label for label in text.labels if label.required]
        self._detection(at_spans, len(required))
        self._exact(self.disambiguation, list(zip(of_gold, text.mandatory, strict=True)), len(required))
        self._exact(self.end_to_end, at_spans, len(required))
        self._overlapping(text, required, [link for link in found if link.entity_id is not None])

    def figures(self) -> dict[str, Any]:
        """Each score's figures by its name."""
        return {name: score.figures() for name, score in vars(self).items()}

    def _detection(self, at_spans: Sequence[tuple[Link, GoldLabel | None]], wanted: int) -> None:
        """A mention with an optional or unknown label counts neither as right nor as wrong."""
        score = self.mention_detection
        score.right += sum(1 for _, label in at_spans if label is not None and label.required)
        score.given += sum(1 for _, label in at_spans if label is None or label.required)
        score.wanted += wanted

    @staticmethod
    def _exact(score: Score, at_spans: Sequence[tuple[Link, GoldLabel | None]], wanted: int) -> None:
        counted = [(link, label) for link, label in at_spans if counts(label, link)]
        score.given += len(counted)
        score.right += sum(1 for link, label in counted if label is not None and link.entity_id in label.entity_ids)
        score.wanted += wanted

    def _overlapping(self, text: GoldText, required: Sequence[GoldLabel], links: Sequence[Link]) -> None:
        """Each label is found at most once, by the first link of its entity that is still free.

        Links do not overlap each other. So taking them from left to right, and of several labels
        the one that ends first, finds as many labels as can be found.
        """
        score, free = self.end_to_end_overlap, sorted(required, key=lambda label: label.end)
        score.wanted += len(required)
        for link in sorted(links, key=lambda link: link.start):
            near = [label for label in text.labels if overlap(label, link)]
            label = next((m for m in free if overlap(m, link) and link.entity_id in m.entity_ids), None)
            if label is not None:
                free.remove(label)
                score.right += 1
            score.given += label is not None or not any(
                not m.judged or (m.optional and link.entity_id in m.entity_ids) for m in near
            )


def counts(label: GoldLabel | None, link: Link) -> bool:
    """Whether a link counts as right or wrong, given the label of its span."""
    if link.entity_id is None:
        return False
    if label is None:
        return True
    return not label.optional if link.entity_id in label.entity_ids else label.judged


def capitalised(
    text: GoldText, found: Sequence[Link], of_gold: Sequence[Link]
) -> tuple[GoldText, list[Link], list[Link]]:
    """A text, as `Scores.add` takes it, of which only mentions with a capital initial count.

    Other labels are optional: a link to "United States" in "the United States" is no error.
    """

    def left(span: GoldLabel | Link) -> bool:
        return is_capitalised(text.text[span.start : span.end])

    labels = tuple(label if left(label) else replace(label, optional=True) for label in text.labels)
    return (
        replace(text, labels=labels),
        [link for link in found if left(link)],
        [link for link in of_gold if left(link)],
    )


def is_capitalised(surface: str) -> bool:
    """Whether the first letter is a capital, or of a script without case.

    What precedes it plays no part: `#Astros`, `1998 World Cup`. Without a letter there is none.
    """
    first = next((character for character in surface if character.isalpha()), None)
    return first is not None and not first.islower()


def overlap(label: GoldLabel, link: Link) -> bool:
    """Whether they share a character."""
    return label.start < link.end and link.start < label.end


def rounded(share: float | None) -> float | None:
    """To four digits."""
    return None if share is None else round(share, 4)
