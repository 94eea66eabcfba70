"""Tests of the benchmark of hostile input."""
