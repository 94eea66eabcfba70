"""What a worker process loads once and keeps: the knowledge base, the NER model, the CLIP model."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.knowledge import KnowledgeBase
from components.label.image_filter import Standard, standard
from components.label.mentions import MentionFinder, load_ner
from components.pretrain.embed import Encoder, load_encoder


@lru_cache(maxsize=1)
def knowledge_base(folder: Path) -> KnowledgeBase:
    """The knowledge base of a folder; its tables are memory-mapped, so workers share them."""
    return KnowledgeBase.open(folder)


@lru_cache(maxsize=1)
def mention_finder(folder: Path, ner: bool, max_words: int, max_candidates: int) -> MentionFinder:
    """The mention finder over a folder's knowledge base."""
    return MentionFinder(
        knowledge_base(folder), load_ner() if ner else None, max_words=max_words, max_candidates=max_candidates
    )


@lru_cache(maxsize=1)
def encoder(model: str) -> Encoder:
    """The CLIP model, on one thread: the shard map fills the CPUs with processes."""
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    return load_encoder(model)


@dataclass
class TextScorer:
    """Standardised scores of pictures against entities' texts ("name, description"); texts are embedded once per process."""

    knowledge: KnowledgeBase
    encoder: Encoder
    references: npt.NDArray[np.float32]
    _texts: dict[int, npt.NDArray[np.float32]] = field(default_factory=dict)
    _standards: dict[int, tuple[float, float]] = field(default_factory=dict)

    def prepare(self, rows: Sequence[int]) -> None:
        """Embeds the texts of entity rows that were not asked for before, in one batch."""
        new = sorted(set(rows) - self._texts.keys())
        if not new:
            return
        vectors = self.encoder.texts([entity_text(self.knowledge, row) for row in new])
        fitted: Standard = standard(vectors, self.references)
        for row, vector, mean, deviation in zip(new, vectors, fitted.mean, fitted.deviation, strict=True):
            self._texts[row] = vector
            self._standards[row] = (float(mean), float(deviation))

    def score(self, picture: npt.NDArray[np.float32], rows: Sequence[int]) -> npt.NDArray[np.float64]:
        """z of one picture [d] for prepared entity rows → [n]; zeros for a picture that could not be read."""
        if not picture.any():
            return np.zeros(len(rows))
        cosines = np.array([float(self._texts[row] @ picture) for row in rows])
        means, deviations = np.array([self._standards[row] for row in rows]).reshape(-1, 2).T
        return (cosines - means) / deviations


def entity_text(knowledge: KnowledgeBase, row: int) -> str:
    """What CLIP reads about an entity: "name, description", or the name where there is no description."""
    entity = knowledge.entity(row)
    return f"{entity.label}, {entity.description}" if entity.description else entity.label


@lru_cache(maxsize=1)
def scorer(folder: Path, model: str, references: Path) -> TextScorer:
    """The scorer against the reference pictures of a file (`references.npy`, float16 [r, d])."""
    return TextScorer(knowledge_base(folder), encoder(model), np.load(references).astype(np.float32))
