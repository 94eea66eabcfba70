"""Serves the sample web on one loopback port, with virtual hosts by the `Host` header."""

import errno
import json
import logging
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from email.utils import formatdate
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from mimetypes import guess_type
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from components.errors import InputError, SetupError

logger = logging.getLogger(__name__)

LOOPBACK = "127.0.0.1"


@dataclass
class _Site:
    """One archive, in memory: the sample web has about 100 MB."""

    files: dict[str, bytes]
    responses: dict[str, dict[str, Any]]


@dataclass
class Web:
    """All sites by host name, and a log of requests (`host`, `path`, `User-Agent`).

    `port` is 0 until they are served.
    """

    sites: dict[str, _Site]
    requests: list[tuple[str, str, str]] = field(default_factory=list)
    port: int = 0

    @classmethod
    def load(cls, folder: Path) -> "Web":
        """Reads every `SITE.zip` of a folder.

        Raises:
            InputError: if there is none, or one is not a site archive.
        """
        sites: dict[str, _Site] = {}
        for path in sorted(folder.glob("*.zip")):
            try:
                with zipfile.ZipFile(path) as archive:
                    files = {f"/{name}": archive.read(name) for name in archive.namelist()}
                meta = json.loads(files.pop("/_site.json"))
                sites[meta["host"]] = _Site(files, meta["responses"])
            except (zipfile.BadZipFile, KeyError, ValueError) as error:
                raise InputError(
                    f"{path} is not a site archive ({error!r}); run `mofi sample build` to rebuild it"
                ) from error
        if not sites:
            raise InputError(f"{folder} contains no site (*.zip); run `mofi sample build` to build the sample web")
        return cls(sites)

    @property
    def hosts(self) -> list[str]:
        """Host names, sorted."""
        return sorted(self.sites)


def _handler(web: Web) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version = "sample-web"
        disable_nagle_algorithm = True

        def do_GET(self) -> None:
            self._respond(body=True)

        def do_HEAD(self) -> None:
            self._respond(body=False)

        def _respond(self, body: bool) -> None:
            host = self.headers.get("Host", "").partition(":")[0].lower()
            path = unquote(urlsplit(self.path).path)
            path = f"{path}index.html" if path.endswith("/") else path
            web.requests.append((host, path, self.headers.get("User-Agent", "")))
            site = web.sites.get(host)
            data = site.files.get(path) if site else None
            response = site.responses.get(path, {}) if site else {}
            status = response.get("status", 200 if data is not None else 404)
            data = data if data is not None else f"{status}\n".encode()
            self.send_response(status)
            headers = {"Content-Type": guess_type(path)[0] or "text/plain", "Last-Modified": formatdate(0, usegmt=True)}
            for name, value in (headers | response.get("headers", {}) | {"Content-Length": str(len(data))}).items():
                self.send_header(name, value)
            self.end_headers()
            if body:
                self.wfile.write(data)

        def log_message(self, format: str, *arguments: Any) -> None:
            logger.debug(format, *arguments)

    return Handler


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 256
    allow_reuse_port = False  # on every version of Python, a second server on the same port is an error


@contextmanager
def serve(folder: Path, port: int) -> Iterator[Web]:
    """Serves the sites of `folder` from a thread within the block.

    Port 0 picks a free port, but breaks absolute links.

    Raises:
        SetupError: if the port is in use.
        InputError: if the folder contains no site.
    """
    web = Web.load(folder)
    try:
        server = _Server((LOOPBACK, port), _handler(web))
    except OSError as error:
        if error.errno != errno.EADDRINUSE:
            raise
        raise SetupError(
            f"port {port} of {LOOPBACK} is busy, so the sample web cannot be served; "
            "stop what listens there, or set sample.port in params.yaml to a free port"
        ) from None
    web.port = server.server_address[1]
    thread = threading.Thread(target=server.serve_forever, name="sample-web", daemon=True)
    thread.start()
    try:
        yield web
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
