"""The label stage's mention finder and disambiguation on the texts of a gold file.

Of a picture's alt text only the subject is linked, of a gold text all mentions. It has no picture
and no page: prior, text and coherence decide.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from components.knowledge.base.knowledge_base import Candidate, KnowledgeBase
from components.label import workers
from components.label.crawl_statistics import read_crawl_statistics
from components.label.gold.file import GoldText
from components.label.linking.disambiguate import CandidateSet, Context, probabilities
from components.label.linking.evidence import Numbers
from components.label.parameters import LabelParameters
from components.label.text.common_words import bar_common_words
from components.label.text.mentions import miscased
from components.label.text.word_counts import words_of


@dataclass(frozen=True)
class Span:
    """A span of a text with its candidates, best prior first."""

    start: int
    end: int
    candidates: tuple[Candidate, ...]


@dataclass(frozen=True)
class Case:
    """The mentions of one text that have candidates, as input of the disambiguation."""

    spans: tuple[Span, ...]
    candidate_sets: tuple[CandidateSet, ...]
    context: Context


@dataclass(frozen=True)
class Link:
    """A span with its candidates' probabilities, [n]; it is linked to `entity_id`, if any."""

    start: int
    end: int
    entity_ids: tuple[str, ...]
    probabilities: Numbers
    entity_id: str | None


class GoldLinker:
    """Links texts with a knowledge base and the parameters of the label stage."""

    def __init__(self, knowledge: Path, parameters: LabelParameters, labels: Path | None = None) -> None:
        """`labels`: finished labels, for the stop list and the entity counts of their crawl.

        Raises:
            InputError: if there is no knowledge base, or the labels are missing or of another base.
        """
        self.base: KnowledgeBase = workers.knowledge_base(knowledge)
        self.parameters = p = parameters
        self._statistics = read_crawl_statistics(labels, knowledge, parameters)
        self._finder = workers.mention_finder(knowledge, p.ner, p.max_words, p.max_candidates)

    def detect(self, texts: Sequence[GoldText]) -> list[list[Span]]:
        """The mentions that the stage's finder detects in the labelled part of each text."""
        searched = [
            bar_common_words(found, self._statistics.stop_list)[0]
            for found in self._finder.search([text.text for text in texts])
        ]
        return [
            [Span(m.start, m.end, m.candidates) for m in found.mentions if text.start <= m.start and m.end <= text.end]
            for text, found in zip(texts, searched, strict=True)
        ]

    def gold_spans(self, texts: Sequence[GoldText]) -> list[list[Span]]:
        """Spans of the labels that are not optional, with their candidates (maybe none)."""
        return [
            [Span(m.start, m.end, self._finder.candidates_of(text.text[m.start : m.end])) for m in text.mandatory]
            for text in texts
        ]

    def cases(self, texts: Sequence[GoldText], spans: Sequence[Sequence[Span]]) -> list[Case]:
        """Texts and their spans for the disambiguation; spans without candidates are left out."""
        linkable = [tuple(span for span in own if span.candidates) for own in spans]
        contexts = self.base.embed([_context_words(text.text, own) for text, own in zip(texts, spans, strict=True)])
        no_page = np.zeros(self.base.size, dtype=np.float32)
        return [
            Case(own, tuple(self._candidates(text, span) for span in own), Context(vector, no_page))
            for text, own, vector in zip(texts, linkable, contexts, strict=True)
        ]

    def links(self, texts: Sequence[GoldText], spans: Sequence[Sequence[Span]]) -> list[list[Link]]:
        """The links of each text, one per span, in the order of `spans`."""
        return [self._links(case, own) for case, own in zip(self.cases(texts, spans), spans, strict=True)]

    def _links(self, case: Case, spans: Sequence[Span]) -> list[Link]:
        p = self.parameters
        scores = iter(probabilities(case.candidate_sets, case.context, p.weights, p.iterations))
        links = []
        for span in spans:
            probs: Numbers = next(scores) if span.candidates else np.zeros(0)
            ids = tuple(c.entity_id for c in span.candidates)
            confident = len(ids) > 0 and float(probs.max()) >= p.min_probability
            links.append(Link(span.start, span.end, ids, probs, ids[int(probs.argmax())] if confident else None))
        return links

    def _candidates(self, text: GoldText, span: Span) -> CandidateSet:
        rows, priors = [c.row for c in span.candidates], [c.prior for c in span.candidates]
        written = miscased(text.text[span.start : span.end], span.candidates)
        return self._statistics.named.candidates(rows, priors, written, self.base, self.parameters.named_smoothing)


def _context_words(text: str, spans: Sequence[Span]) -> str:
    """Words of a text around its mentions: a name is no evidence of its own meaning."""
    own = {word for span in spans for word in words_of(text[span.start : span.end])}
    return " ".join(word for word in words_of(text) if word not in own)
