"""What a server's robots.txt says."""

from protego import Protego

# A host that asks for more would hold a worker for days.
_LONGEST_DELAY = 60.0


def read_robots(body: bytes) -> Protego:
    """Parses a robots.txt; whatever its bytes are, there is an answer."""
    return Protego.parse(body.decode("utf-8", "replace"))


def crawl_delay(rules: Protego, robot: str) -> float:
    """The pause between two requests that the server asks of this robot, seconds; 0 if none, 60 at most."""
    delay = rules.crawl_delay(robot)
    return 0.0 if delay is None else min(max(0.0, float(delay)), _LONGEST_DELAY)
