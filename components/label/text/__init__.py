"""Mentions of a text, and what the text is about."""
