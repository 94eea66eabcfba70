"""Deduplication: exact copies, and near-copies in another size or compression."""
