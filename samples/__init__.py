"""Builds the sample web, its benchmark, truth table and knowledge base from published packages."""
