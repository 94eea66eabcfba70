"""A server that answers as a test says, for crawls of one site."""

from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

from components.crawl.parameters import CrawlParameters
from components.crawl.sites.sites import Site, _crawl_site
from tests.crawl.conftest import knobs

HOST = "site.localhost"
PAGE = b'<!doctype html><a href="/private/a.html">x</a><a href="/reserved.html">x</a>'


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
