"""Peers that the benchmarks compare with, each in its own environment, as their packages conflict
with ours."""
