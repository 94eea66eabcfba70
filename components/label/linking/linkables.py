"""A picture text's mentions as input of the linker, and decisions on barred candidates."""

from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.format import COMMON_WORD, Decision
from components.label.linking.entity_counts import EntityCounts
from components.label.linking.link import Linkable
from components.label.text.picture_text import PictureText, StoredMention

# Image scores of a mention's candidates: z of each, float64 [n].
ImageScores = Callable[[StoredMention], npt.NDArray[np.float64]]


def no_image_scores(mention: StoredMention) -> npt.NDArray[np.float64]:
    """Zeros, for a text without a picture."""
    return np.zeros(len(mention.rows))


def linkables(
    picture_text: PictureText,
    knowledge: KnowledgeBase,
    entity_counts: EntityCounts,
    smoothing: float,
    image_scores: ImageScores = no_image_scores,
) -> list[Linkable]:
    """Mentions with candidates, in order, with the priors updated by the crawl's counts."""
    return [
        Linkable(
            m.start,
            m.end,
            m.in_subject,
            m.coverage,
            tuple([knowledge.entity_id(row) for row in m.rows]),
            entity_counts.candidates(m.rows, m.priors, m.miscased, knowledge, smoothing),
            image_scores(m),
        )
        for m in picture_text.mentions
        if m.rows
    ]


def barred_decisions(picture_text: PictureText, knowledge: KnowledgeBase) -> list[Decision]:
    """Decisions on the candidates that the case of their mention rules out."""
    return [
        Decision(
            picture_text.text[m.start : m.end], m.start, m.end, knowledge.entity_id(row), 0.0, 0.0, False, COMMON_WORD
        )
        for m in picture_text.mentions
        for row in m.barred
    ]
