"""What a worker process loads once: knowledge base, NER and CLIP models, text embeddings."""

from functools import lru_cache
from pathlib import Path

from components.knowledge.base.knowledge_base import KnowledgeBase
from components.label.image_filter.candidate_texts import TextScorer
from components.label.text.mentions import MentionFinder
from components.label.text.ner import load_ner
from components.models.encoder import Encoder, load_encoder
from components.storage.mirror import Mirror, local


@lru_cache(maxsize=1)
def knowledge_base(folder: Path | Mirror) -> KnowledgeBase:
    """Opens a knowledge base; its tables are memory-mapped, so workers share them."""
    return KnowledgeBase.open(local(folder))


@lru_cache(maxsize=1)
def mention_finder(folder: Path | Mirror, ner: bool, max_words: int, max_candidates: int) -> MentionFinder:
    """The mention finder over a folder's knowledge base."""
    return MentionFinder(
        knowledge_base(folder), load_ner() if ner else None, max_words=max_words, max_candidates=max_candidates
    )


@lru_cache(maxsize=1)
def encoder(model: str | Mirror) -> Encoder:
    """The CLIP model, on one thread: the shard map fills the CPUs with processes."""
    import torch

    if not torch.cuda.is_available():
        torch.set_num_threads(1)
    return load_encoder(str(local(model)) if isinstance(model, Mirror) else model)


def entity_text(knowledge: KnowledgeBase, row: int) -> str:
    """CLIP's text of an entity: "name, description", or the name if it has no description."""
    entity = knowledge.entity(row)
    return f"{entity.label}, {entity.description}" if entity.description else entity.label


@lru_cache(maxsize=1)
def scorer(intermediate: Path) -> TextScorer:
    """Scorer of a folder's texts; they are memory-mapped, so workers share them."""
    return TextScorer.open(intermediate)
