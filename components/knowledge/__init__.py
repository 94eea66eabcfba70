"""Wikidata dump → entity table, memory-mapped name index, and entity embeddings on disk."""

from components.knowledge.base import Candidate, KnowledgeBase
from components.knowledge.entity import Entity
from components.knowledge.names import normalise

__all__ = ["Candidate", "Entity", "KnowledgeBase", "normalise"]
