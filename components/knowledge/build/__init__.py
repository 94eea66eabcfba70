"""Wikidata's dump to a knowledge base."""
