"""Crawling: archives read, pictures downloaded, copies found, and what a crawl costs."""
