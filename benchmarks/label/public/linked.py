"""Texts without pictures → labels, by the label stage's own steps."""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label import workers
from components.label.crawl_statistics import read_crawl_statistics
from components.label.format import Label
from components.label.image_filter.calibration import UNCALIBRATED
from components.label.linking.disambiguate import Context
from components.label.linking.link import link
from components.label.linking.linkables import barred_decisions, linkables
from components.label.parameters import LabelParameters
from components.label.text.common_words import common_words, count_cases
from components.label.text.picture_text import read_picture_texts
from components.label.text.word_counts import count_words, subcorpus_name


class TextLinker:
    """Links texts as a crawl of one picture a site would: no page, no picture, no other texts.

    How informative and how common words are is learned from `crawl`, alt texts of the web.
    """

    def __init__(self, knowledge: Path, parameters: LabelParameters, crawl: Sequence[str]) -> None:
        self.base: KnowledgeBase = workers.knowledge_base(knowledge)
        self._parameters = p = parameters.model_copy(update={"use_caption": False})
        self._finder = workers.mention_finder(knowledge, p.ner, p.max_words, p.max_candidates)
        self._counts = count_words((subcorpus_name("", "alt"), text) for text in crawl)
        self._common = common_words(count_cases(crawl), p)
        self._named = read_crawl_statistics(None, knowledge, p).named

    def link(self, texts: Sequence[str]) -> list[Label]:
        """The label of each text."""
        p = self._parameters
        rows = [
            {"key": str(n), "site": "", "page_url": "", "caption": text, "context": "", "page_title": ""}
            for n, text in enumerate(texts)
        ]
        picture_texts = read_picture_texts(rows, self._finder, self._counts, self._common, p)
        contexts = self.base.embed([picture_text.context for picture_text in picture_texts])
        no_page = np.zeros(self.base.size, dtype=np.float32)
        labels = []
        for picture_text, context in zip(picture_texts, contexts, strict=True):
            mentions = linkables(picture_text, self.base, self._named, p.named_smoothing)
            barred = barred_decisions(picture_text, self.base)
            labels.append(link(picture_text.text, mentions, Context(context, no_page), UNCALIBRATED, p, barred))
        return labels
