"""Hostile inputs by kind of reader: each makes any number of bytes, the same each time."""
