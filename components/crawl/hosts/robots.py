"""Parsing robots.txt."""

from protego import Protego

# A longer delay would keep a worker busy for days.
_LONGEST_DELAY = 60.0


def read_robots(body: bytes) -> Protego:
    """Parses a robots.txt; any bytes are accepted."""
    return Protego.parse(body.decode("utf-8", "replace"))


def crawl_delay(rules: Protego, robot: str) -> float:
    """The Crawl-delay for this robot in seconds, at most 60; 0 if there is none."""
    delay = rules.crawl_delay(robot)
    return 0.0 if delay is None else min(max(0.0, float(delay)), _LONGEST_DELAY)
