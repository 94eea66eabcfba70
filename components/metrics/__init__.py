"""Measures of embeddings: mean average precision, kNN."""
