"""Fuzzing of everything that reads bytes which others wrote.

`readers/` has a small function for each; it may raise nothing. `replay` runs them on the committed
inputs and on random mutations, as the tests do; `python -m tests.fuzz` searches for new inputs,
guided by coverage (atheris).
"""
