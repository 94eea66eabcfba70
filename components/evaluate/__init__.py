"""Retrieval, kNN and floors on the benchmark, the labels against the truth, and the report."""
