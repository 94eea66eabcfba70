"""A picture text's mentions as input of the linker, and decisions on barred candidates."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.format import COMMON_WORD, Decision
from components.label.linking.entity_counts import Named
from components.label.linking.link import Linkable
from components.label.text.reading import Reading, ReadMention

# Image scores of a mention's candidates: z of each, float64 [n].
Seen = Callable[[ReadMention], npt.NDArray[np.float64]]


def unseen(mention: ReadMention) -> npt.NDArray[np.float64]:
    """Zeros, for a text without a picture."""
    return np.zeros(len(mention.rows))


def linkables(
    reading: Reading, knowledge: KnowledgeBase, named: Named, smoothing: float, seen: Seen = unseen
) -> list[Linkable]:
    """Mentions with candidates, in order, with the priors updated by the crawl's counts."""
    return [
        Linkable(
            m.start,
            m.end,
            m.in_subject,
            m.coverage,
            tuple([knowledge.entity_id(row) for row in m.rows]),
            named.choice(m.rows, m.priors, knowledge, smoothing),
            seen(m),
        )
        for m in reading.mentions
        if m.rows
    ]


def barred_decisions(reading: Reading, knowledge: KnowledgeBase) -> list[Decision]:
    """Decisions on the candidates that the case of their mention rules out."""
    return [
        Decision(reading.text[m.start : m.end], m.start, m.end, knowledge.entity_id(row), 0.0, 0.0, False, COMMON_WORD)
        for m in reading.mentions
        for row in m.barred
    ]
