"""Shared by the benchmarks: claims, servers, monitors, and synthetic data."""
