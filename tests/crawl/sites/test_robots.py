"""robots.txt in the spider's process: redirects, size, encoding, usage preferences."""

from pathlib import Path

from tests.crawl.conftest import knobs
from tests.crawl.sites.server import HOST, PAGE, Server

RULES = "User-agent: test-crawl/2\nDisallow: /private/\n"


def test_rules_of_another_host_hold_however_they_are_served(tmp_path: Path) -> None:
    rules = f"{RULES}# {'#' * 1_000_000}\nDisallow: /\n".encode("utf-16")
    server = Server(
        {
            f"{HOST}/robots.txt": (301, {"Location": "http://main.localhost:PORT/a.txt"}, b""),
            "main.localhost/a.txt": (302, {"Location": "/b.txt"}, b""),
            "main.localhost/b.txt": (200, {"Content-Encoding": "none"}, rules),
            f"{HOST}/reserved.html": (200, {"Content-Usage": "train-ai=n"}, PAGE),
        }
    )
    outcomes = server.crawl(tmp_path / "out", knobs(redirects=0))
    assert outcomes == {"crawled": 1, "refused.robots_txt": 1, "refused.content-usage": 1}
    before = [f"{HOST}/robots.txt", "main.localhost/a.txt", "main.localhost/b.txt"]
    assert server.requests == [*before, f"{HOST}/", f"{HOST}/reserved.html"]


def test_rules_on_a_private_host_are_unreachable(tmp_path: Path) -> None:
    server = Server({f"{HOST}/robots.txt": (301, {"Location": "http://127.0.0.1:PORT/robots.txt"}, b"")})
    assert server.crawl(tmp_path / "out") == {"crawled": 0, "refused.robots_txt_unreachable": 1}
    assert server.requests == [f"{HOST}/robots.txt"]
