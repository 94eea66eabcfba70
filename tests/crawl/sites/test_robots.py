"""robots.txt in the spider's process: redirects, size, encoding, usage preferences."""

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from components.crawl.parameters import CrawlParameters
from components.crawl.sites.sites import Site, _crawl_site
from tests.crawl.conftest import knobs

HOST = "site.localhost"
PAGE = b'<!doctype html><a href="/private/a.html">x</a><a href="/reserved.html">x</a>'
RULES = "User-agent: test-crawl/2\nDisallow: /private/\n"


@dataclass
class Server:
    """Serves a page at every path, or what `answers` holds for it: status, headers, body."""

    answers: dict[str, tuple[int, dict[str, str], bytes]] = field(default_factory=dict)
    requests: list[str] = field(default_factory=list)
    port: int = 0

    def crawl(self, out: Path, parameters: CrawlParameters | None = None) -> dict[str, int]:
        """Crawls the site; gives the pages by outcome."""
        log = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                place = f"{self.headers['Host'].partition(':')[0]}{self.path}"
                log.requests.append(place)
                status, headers, body = log.answers.get(place, (200, {}, PAGE))
                self.send_response(status)
                for name, value in ({"Content-Type": "text/html"} | headers).items():
                    self.send_header(name, value.replace(":PORT", f":{log.port}"))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        out.mkdir()
        with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
            self.port = server.server_address[1]
            thread = Thread(target=server.serve_forever)
            thread.start()
            site = Site(HOST, (f"http://{HOST}:{self.port}/",))
            counts = _crawl_site(parameters or knobs(retries=0), None, site, 0, out).counts
            server.shutdown()
            thread.join()
        return {name.removeprefix("pages."): n for name, n in counts.items() if name.startswith("pages.")}


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
