"""Peers of the benchmarks, in environments of their own as their packages conflict."""
