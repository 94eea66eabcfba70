"""Retrieval, kNN and floors on the benchmark, and the labels against the truth."""
