"""Reading a knowledge base: the entity table, the memory-mapped name index, and embeddings."""

from components.knowledge.base.entity import Entity
from components.knowledge.base.knowledge_base import Candidate, KnowledgeBase
from components.knowledge.base.names import normalise

__all__ = ["Candidate", "Entity", "KnowledgeBase", "normalise"]
