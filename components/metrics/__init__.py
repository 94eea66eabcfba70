"""Metrics of embeddings: mean average precision, kNN."""
