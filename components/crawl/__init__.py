"""Crawling: pages → image/alt-text pairs → verified pictures in shards."""
