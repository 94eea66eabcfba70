"""Reads lists of URLs with texts, in any usual form: each format → rows of two values."""
