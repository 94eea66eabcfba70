"""Hostile input: what it costs each reader of foreign bytes, and whether that is bounded."""
