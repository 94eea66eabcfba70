"""Politeness of a whole crawl in several processes, by the log of a test server."""

import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from components.crawl.crawl import Source, crawl_pictures
from tests.crawl.conftest import drawing, encoded, knobs

HOSTS = [f"host-{n}.localhost" for n in range(8)]
ROBOTS = b"User-agent: *\nDisallow: /private/\n"
PICTURE = encoded(drawing(1))
CONNECTIONS, DELAY = 2, 0.03


@dataclass
class Record:
    """Requests to one host: their times, paths and concurrency."""

    times: list[float] = field(default_factory=list)
    paths: list[str] = field(default_factory=list)
    under_way: int = 0
    busiest: int = 0


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.records: defaultdict[str, Record] = defaultdict(Record)
        self.lock = threading.Lock()


class _Handler(BaseHTTPRequestHandler):
    server: _Server
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        record = self.server.records[self.headers["Host"].partition(":")[0].removeprefix("www.")]
        with self.server.lock:
            record.times.append(time.monotonic())
            record.paths.append(self.path)
            record.under_way += 1
            record.busiest = max(record.busiest, record.under_way)
        status, body = (200, ROBOTS) if self.path == "/robots.txt" else (200, PICTURE)
        if self.path.startswith("/busy"):
            status, body = 503, b""
        time.sleep(0.05)  # as long as a request takes, so that several may overlap
        with self.server.lock:
            record.under_way -= 1  # before the answer, after which the next request may come
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def _serving() -> Iterator[_Server]:
    server = _Server()
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.server_close()


@pytest.mark.usefixtures("ray_cluster")
def test_no_host_gets_more_requests_than_allowed_or_any_that_it_disallows(tmp_path: Path) -> None:
    with _serving() as server:
        rows = ["url,text"]
        for host in HOSTS:
            for n in range(24):
                kind = {0: "private/", 1: "busy"}.get(n % 8, "")
                name = host if n % 2 else f"www.{host}"
                rows.append(f"http://{name}:{server.server_port}/{kind}{n}.png,picture {n} of {host}")
        (tmp_path / "list.csv").write_text("\n".join(rows))
        polite = knobs(connections=CONNECTIONS, delay=DELAY, part_pairs=60, retries=1, max_error_share=1.0)
        source = Source(files=(f"urls:{tmp_path}/list.csv",))
        measures = crawl_pictures(source, None, tmp_path / "out", polite, tmp_path / "work")
    assert measures["parts"] > 1
    assert measures["pictures"] == {
        "attempted": 24 * len(HOSTS),
        "success": 18 * len(HOSTS),
        "failed": {"http_503": 3 * len(HOSTS), "robots_txt": 3 * len(HOSTS)},
    }
    assert set(server.records) == set(HOSTS)
    for host, record in server.records.items():
        assert record.busiest <= CONNECTIONS, host
        assert not [path for path in record.paths if path.startswith("/private/")], host
        assert len([path for path in record.paths if path == "/robots.txt"]) <= 2, host  # with and without www.
        assert sum(path.startswith("/busy") for path in record.paths) == 2 * 3, host
        # Single requests may be held up on their way on a busy machine; all of a host's together
        # still take their pauses.
        assert max(record.times) - min(record.times) > 0.5 * DELAY * (len(record.times) - 1), host
