"""Crawling: reading archives, downloading, deduplication, and costs."""
