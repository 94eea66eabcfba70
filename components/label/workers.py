"""What a worker process loads once and keeps: the knowledge base, the NER model, the CLIP model."""

from collections.abc import Iterable, Sequence
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt

from components.knowledge import KnowledgeBase
from components.label.disambiguate import Vector
from components.label.image_filter import Matrix, Standard, standard
from components.label.mentions import MentionFinder
from components.label.ner import load_ner
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


class TextScorer:
    """Standardised scores of pictures against entities' texts ("name, description"); texts are embedded once per process."""

    def __init__(self, knowledge: KnowledgeBase, encoder: Encoder, references: Matrix) -> None:
        """`references`: the reference pictures, float32 [r, d], L2-normalised."""
        self._knowledge, self._encoder, self._references = knowledge, encoder, references
        self._places: dict[int, int] = {}
        self._texts: Matrix = np.zeros((0, references.shape[1]), dtype=np.float32)
        self._standard = standard(self._texts, references)

    def prepare(self, rows: Iterable[int]) -> None:
        """Embeds the texts of entity rows that were not asked for before.

        One at a time: in a batch the last bits of a vector depend on what else is in it, and so on what this process was asked
        before; labels must not.
        """
        new = sorted(set(rows) - self._places.keys())
        if not new:
            return
        vectors = [self._encoder.texts([entity_text(self._knowledge, row)]) for row in new]
        self._places |= {row: len(self._places) + n for n, row in enumerate(new)}
        self._texts = np.concatenate([self._texts, *vectors])
        fitted = [standard(vector, self._references) for vector in vectors]
        means, deviations = (np.concatenate([getattr(f, name) for f in fitted]) for name in ("mean", "deviation"))
        self._standard = self._standard.joined(Standard(means, deviations))

    def score(self, picture: Vector, rows: Sequence[int]) -> npt.NDArray[np.float64]:
        """z of one picture [d] for prepared entity rows → [n]; zeros for a picture that could not be read."""
        if not picture.any():
            return np.zeros(len(rows))
        places = [self._places[row] for row in rows]
        cosines = (self._texts[places] @ picture).astype(np.float64)
        return (cosines - self._standard.mean[places]) / self._standard.deviation[places]


def entity_text(knowledge: KnowledgeBase, row: int) -> str:
    """What CLIP reads about an entity: "name, description", or the name where there is no description."""
    entity = knowledge.entity(row)
    return f"{entity.label}, {entity.description}" if entity.description else entity.label


@lru_cache(maxsize=1)
def scorer(folder: Path, model: str, references: Path) -> TextScorer:
    """The scorer against the reference pictures of a file (`references.npy`, float16 [r, d])."""
    return TextScorer(knowledge_base(folder), encoder(model), np.load(references).astype(np.float32))
