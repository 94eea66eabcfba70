"""Builds a knowledge base from a Wikidata dump."""
