"""Requests to hosts: robots.txt, politeness, retries and limits."""
