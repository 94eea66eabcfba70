"""Exports a model for other programs."""
