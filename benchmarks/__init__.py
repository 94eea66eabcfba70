"""Benchmarks, one script per claim.

`python -m benchmarks.ROOM.NAME` prints a table and, as its last line, JSON.
"""
