"""What sites ask of robots: robots.txt, and headers of responses."""

from collections.abc import Iterable
from datetime import UTC, datetime

from components.crawl.hosts.request import retry_after
from components.crawl.hosts.robots import read_robots
from components.crawl.pages.directives import HEADERS, PICTURE_REFUSALS, header_values, read_header
from tests.fuzz import seeds
from tests.fuzz.change import GENERAL, multiply, recoded
from tests.fuzz.reader import Reader
from tests.fuzz.readers.limits import crawl_knobs

_NOW = datetime(2026, 1, 1, tzinfo=UTC)
_CHANGES = (*GENERAL, multiply, recoded)


def read_robots_txt(data: bytes) -> Iterable[str]:
    """Bytes → the rules of a robots.txt."""
    rules = read_robots(data, crawl_knobs().robot)
    assert 0 <= rules.delay <= 60, rules.delay
    return ["allowed" if rules.allows("http://h.example/private/x?y=1") else "refused"]


def read_headers(data: bytes) -> Iterable[str]:
    """Values of headers, one a line → what a robot may do, and when."""
    values = [line.decode("utf-8", "surrogateescape") for line in data[:100_000].splitlines()]
    refused = False
    for name in HEADERS:
        directives = read_header(
            header_values(lambda asked, of=name: values if asked == of else []), crawl_knobs().robot
        )
        assert directives <= {*PICTURE_REFUSALS, "nofollow"}, directives
        refused |= bool(directives)
    assert all(retry_after(value, _NOW) >= 0 for value in values)
    return ["refused" if refused else "allowed"]


READERS = {
    "robots": Reader(read_robots_txt, seeds.robots, _CHANGES),
    "headers": Reader(read_headers, seeds.headers, _CHANGES),
}
