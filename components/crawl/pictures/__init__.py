"""Pairs → verified pictures in shards."""
