"""One script per claim: `python -m benchmarks.NAME` prints a table for people and, as its last line, JSON for programs."""
